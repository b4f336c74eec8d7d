using System.CommandLine;

using SelfSup.Errors;
using SelfSup.Hosting;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Runs;

namespace SelfSup.Cli;

/// <summary><c>selfsup views RECIPE --out grid.png</c>.</summary>
internal static class ViewsCommand
{
    public static Command Create()
    {
        var recipe = CommonOptions.Recipe();
        var output = new Option<string>("--out") { Description = "The picture to write, a PNG", DefaultValueFactory = _ => "views.png", HelpName = "file" };
        var images = new Option<int>("--images") { Description = "How many images", DefaultValueFactory = _ => 6 };
        var views = new Option<int>("--views") { Description = "How many views of each", DefaultValueFactory = _ => 6 };
        var set = CommonOptions.Set();
        var assemblies = CommonOptions.Assemblies();
        var command = new Command(
            "views",
            "Draws a contact sheet: a few images and several views of each, exactly as training makes them. " +
            "Example: selfsup views recipes/quickstart.yaml --out grid.png --set data.path=photos")
        {
            recipe, output, images, views, set, assemblies,
        };
        command.SetAction((parsed, _) => Task.FromResult(Draw(
            parsed.GetRequiredValue(recipe),
            parsed.GetValue(set)!,
            CommonOptions.Reader(parsed.GetValue(assemblies)),
            parsed.GetValue(output)!,
            parsed.GetValue(images),
            parsed.GetValue(views))));
        return command;
    }

    private static int Draw(string recipePath, string[] overrides, RecipeReader reader, string output, int images, int views)
    {
        if (images < 1 || views < 1)
        {
            throw new RecipeException("--images and --views: must be at least 1");
        }

        var recipe = reader.Read(recipePath, RunEnvironment.Settings(), overrides);
        using var source = ImageSources.Open(recipe.Data!);
        // With lists for views, a row shows all views that they make; epoch after epoch, until there are as many as asked for.
        var pipelines = Pipelines.Views(recipe, reader, recipe.Views!.Views ?? 1);
        var epochs = ((views - 1) / pipelines.Length) + 1;
        var sheet = new ViewSheet(recipe, source, images);
        CommonOptions.Write("--out", output, stream => sheet.Write(stream, pipelines, firstEpoch: 0, epochs));
        Console.WriteLine($"{output}: {Math.Min(images, source.Count)} images, {epochs * pipelines.Length} views of each");
        return ExitCodes.Success;
    }
}

using System.CommandLine;

using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary><c>selfsup resume RUN</c>.</summary>
internal static class ResumeCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("run") { Description = "The run directory" };
        var set = CommonOptions.Set();
        var allow = CommonOptions.AllowChange();
        var assemblies = CommonOptions.Assemblies();
        var restarts = SupervisedRun.Option();
        var command = new Command(
            "resume",
            "Goes on with a run where it stopped, with the recipe it was started with. Example: selfsup resume runs/quickstart")
        {
            run, set, allow, assemblies, restarts,
        };
        command.SetAction((parsed, _) =>
        {
            var directory = parsed.GetRequiredValue(run);
            var recipe = Path.Combine(directory, "recipe.yaml");
            if (!File.Exists(recipe))
            {
                throw new RecipeException($"{directory}: is not a run directory (there is no recipe.yaml); name one, such as runs/quickstart");
            }

            return parsed.GetValue(restarts) is > 0 and var most
                ? Task.FromResult(SupervisedRun.Run(parsed, directory, most))
                : PretrainCommand.Run(
                    recipe, directory, parsed.GetValue(set)!, parsed.GetValue(allow)!, CommonOptions.Reader(parsed.GetValue(assemblies)));
        });
        return command;
    }
}

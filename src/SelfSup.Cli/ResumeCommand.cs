using System.CommandLine;

using SelfSup.Errors;
using SelfSup.Hosting;

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
        var command = new Command(
            "resume",
            "Goes on with a run where it stopped, with the recipe it was started with. Example: selfsup resume runs/quickstart")
        {
            run, set, allow, assemblies,
        };
        var supervised = SupervisedRun.For(command);
        command.SetAction((parsed, _) =>
        {
            var directory = parsed.GetRequiredValue(run);
            var recipe = Path.Combine(directory, "recipe.yaml");
            if (!File.Exists(recipe))
            {
                throw new RecipeException($"{directory}: is not a run directory (there is no recipe.yaml); name one, such as runs/quickstart");
            }

            var (overrides, reader) = (parsed.GetValue(set)!, CommonOptions.Reader(parsed.GetValue(assemblies)));
            return supervised.IsAskedFor(parsed)
                ? Task.FromResult(supervised.Run(
                    parsed, directory, () => reader.Read(recipe, RunEnvironment.Settings(), overrides).Training.GlobalBatchSize))
                : TrainingVerb.Run(recipe, directory, overrides, parsed.GetValue(allow)!, reader);
        });
        return command;
    }
}

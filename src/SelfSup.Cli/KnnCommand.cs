using System.CommandLine;

using SelfSup.Evaluation;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup knn BACKBONE</c>.</summary>
internal static class KnnCommand
{
    public static Command Create()
    {
        var arguments = new JudgeArguments();
        var neighbours = new Option<int?>("--neighbours", "-k") { Description = "k (default: the recipe's)", HelpName = "n" };
        var temperature = new Option<double?>("--temperature") { Description = "Divides similarities (default: the recipe's)", HelpName = "t" };
        var command = new Command(
            "knn",
            "Judges a backbone by weighted nearest neighbours in its features, beside a random initialisation. " +
            "Example: selfsup knn runs/quickstart --neighbours 20");
        arguments.AddTo(command);
        command.Add(neighbours);
        command.Add(temperature);
        command.SetAction((parsed, _) => Task.FromResult(arguments.Run(parsed, (judge, recipe, encoder) =>
        {
            var options = new KnnOptions
            {
                Neighbours = parsed.GetValue(neighbours) ?? recipe.Evaluation.Knn.Neighbours,
                Temperature = parsed.GetValue(temperature) ?? recipe.Evaluation.Knn.Temperature,
            };
            RecipeBinder.Require(options, "knn");
            return judge.Knn(encoder, options, CancellationToken.None);
        })));
        return command;
    }
}

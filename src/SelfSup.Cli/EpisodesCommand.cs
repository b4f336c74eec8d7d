using System.CommandLine;
using System.Globalization;

using SelfSup.Evaluation;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup episodes BACKBONE</c>.</summary>
internal static class EpisodesCommand
{
    public static Command Create()
    {
        var arguments = new SetArguments();
        var defaults = new FewShotOptions();
        Option<int> Count(string name, string description, int value) =>
            new(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => value };
        var ways = Count("--ways", "Classes to choose between", defaults.Ways);
        var shots = Count("--shots", "Images given of each class", defaults.Shots);
        var queries = Count("--queries", "Images asked for of each class", defaults.Queries);
        var episodes = Count("--episodes", "How many are drawn", defaults.Episodes);
        var seed = new Option<ulong>("--seed") { Description = "Chooses them", HelpName = "n", DefaultValueFactory = _ => defaults.Seed };
        var command = new Command(
            "episodes",
            "Judges a backbone by n-way k-shot episodes: which of n classes is an image of, when k images of each are known; beside a random " +
            "initialisation. Example: selfsup episodes runs/quickstart --ways 5 --shots 1");
        arguments.AddTo(command);
        foreach (var option in new Option[] { ways, shots, queries, episodes, seed })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) =>
        {
            var options = new FewShotOptions
            {
                Ways = parsed.GetValue(ways),
                Shots = parsed.GetValue(shots),
                Queries = parsed.GetValue(queries),
                Episodes = parsed.GetValue(episodes),
                Seed = parsed.GetValue(seed),
                Distance = arguments.Distance(parsed),
            };
            RecipeBinder.Require(options, "episodes");
            var fewShot = new FewShot(options);
            return Task.FromResult(arguments.Run(
                parsed, labels => fewShot.Require(labels), images => fewShot.Evaluate(images), Rows, report => report.Notes));
        });
        return command;
    }

    private static IEnumerable<(string Name, string Value)> Rows(FewShotReport report)
    {
        var kind = string.Create(CultureInfo.InvariantCulture, $"{report.Ways}-way {report.Shots}-shot");
        yield return ($"{kind}, nearest prototype", Interval(report.NearestPrototype));
        yield return ($"{kind}, nearest neighbour", Interval(report.NearestNeighbour));
    }

    private static string Interval(MeanEstimate estimate) => $"{SetArguments.Percent(estimate.Mean)} ± {SetArguments.Percent(estimate.HalfWidth)}";
}

using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Evaluation;

namespace SelfSup.Cli;

/// <summary><c>selfsup retrieval BACKBONE</c>.</summary>
internal static class RetrievalCommand
{
    public static Command Create()
    {
        var arguments = new SetArguments();
        var reference = new ImagesOption(
            "--reference", "Labelled images that are searched (default: the test images themselves, each but itself)");
        var recallAt = new Option<string>("--recall-at")
        {
            Description = "The k of Recall@k",
            HelpName = "k,k,...",
            DefaultValueFactory = _ => string.Join(',', new RetrievalOptions().RecallAt),
        };
        var whole = new Option<bool>("--whole-ranking") { Description = "Also MAP and MRR, for which every image is ranked for every query" };
        var command = new Command(
            "retrieval",
            "Judges a backbone by what lies nearest to each image: Recall@k, R-precision, MAP@R, beside a random initialisation. " +
            "Example: selfsup retrieval runs/quickstart --recall-at 1,10");
        arguments.AddTo(command);
        reference.AddTo(command);
        command.Add(recallAt);
        command.Add(whole);
        command.SetAction((parsed, _) =>
        {
            var retrieval = new Retrieval(new()
            {
                RecallAt = [.. parsed.GetRequiredValue(recallAt).Split(',').Select(Number)],
                Distance = arguments.Distance(parsed),
                WholeRanking = parsed.GetValue(whole),
            });
            return Task.FromResult(arguments.Run(
                parsed,
                (judge, recipe) =>
                {
                    var queries = judge.Add(arguments.TestImages(parsed, recipe), arguments.Test.Flag);
                    var searched = arguments.Source(parsed, reference, null, recipe) is { } other ? judge.Add(other, reference.Flag) : null;
                    retrieval.Require(queries.Labels, searched?.Labels);
                },
                (judge, encoder) =>
                {
                    using var queries = judge.Features(encoder, judge.Sets[0], CancellationToken.None);
                    if (judge.Sets.Count == 1)
                    {
                        return retrieval.Evaluate(queries);
                    }

                    using var searched = judge.Features(encoder, judge.Sets[1], CancellationToken.None);
                    return retrieval.Evaluate(queries, searched);
                },
                Rows,
                report => report.Notes));
        });
        return command;
    }

    private static IEnumerable<(string Name, string Value)> Rows(RetrievalReport report)
    {
        foreach (var (k, recall) in report.Mean.RecallAt)
        {
            yield return (string.Create(CultureInfo.InvariantCulture, $"Recall@{k}"), SetArguments.Percent(recall));
        }

        yield return ("R-precision", SetArguments.Percent(report.Mean.RPrecision));
        yield return ("MAP@R", SetArguments.Percent(report.Mean.MapAtR));
        if (report.Mean.Map is { } map)
        {
            yield return ("MAP", SetArguments.Percent(map));
            yield return ("MRR", SetArguments.Percent(report.Mean.Mrr));
        }

        yield return ("MAP@R, mean of classes", SetArguments.Percent(report.MeanPerClass.MapAtR));
    }

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new RecipeException($"--recall-at: '{text}' is not a number, must be numbers from 1 such as 1,2,4,8; correct it");
}

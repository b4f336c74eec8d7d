using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Recipes;

namespace SelfSup.Cli;

/// <summary><c>selfsup verify BACKBONE</c>.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var arguments = new SetArguments();
        var defaults = new VerificationOptions();
        var pairs = new Option<string?>("--pairs")
        {
            Description = "A CSV or Parquet file with columns first, second (names of images, or rows from 0) and same (1 or 0), perhaps " +
                "fold (default: pairs are drawn from the labels)",
            HelpName = "file",
        };
        var draw = new Option<int>("--draw") { Description = "How many pairs are drawn", HelpName = "n", DefaultValueFactory = _ => defaults.Pairs };
        var folds = new Option<int>("--folds") { Description = "Parts of the protocol", HelpName = "n", DefaultValueFactory = _ => defaults.Folds };
        var seed = new Option<ulong>("--seed") { Description = "Chooses pairs and folds", HelpName = "n", DefaultValueFactory = _ => defaults.Seed };
        var command = new Command(
            "verify",
            "Judges a backbone by pairs of images that show the same or do not: ROC AUC, equal error rate, accuracy by ten folds, beside a " +
            "random initialisation. Example: selfsup verify runs/quickstart --draw 6000");
        arguments.AddTo(command);
        foreach (var option in new Option[] { pairs, draw, folds, seed })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) =>
        {
            var file = parsed.GetValue(pairs);
            bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
            CommonOptions.RequirePath("--pairs", file);
            if (file is not null && IsGiven(draw))
            {
                throw new RecipeException("--draw: has no effect with --pairs, whose pairs are all taken; leave one of them out");
            }

            var options = new VerificationOptions
            {
                Pairs = parsed.GetValue(draw),
                Folds = parsed.GetValue(folds),
                Seed = parsed.GetValue(seed),
                Distance = arguments.Distance(parsed),
            };
            RecipeBinder.Require(options, "verify");
            var verification = new Verification(options);
            ImagePairs? listed = null;
            return Task.FromResult(arguments.Run(
                parsed,
                (judge, recipe) =>
                {
                    var images = judge.Add(arguments.TestImages(parsed, recipe), arguments.Test.Flag, needLabels: file is null);
                    if (file is null)
                    {
                        verification.Require(images.Labels);
                        return;
                    }

                    listed = VerificationListing.Read(file, images.Images, options.Folds, options.Seed);
                    if (listed.HasOwnFolds && new Option[] { folds, seed }.FirstOrDefault(IsGiven) is { } idle)
                    {
                        throw new RecipeException($"{idle.Name}: has no effect with {file}, whose column 'fold' says which pairs belong together; leave it out");
                    }

                    Verification.Require(file, listed);
                },
                (judge, encoder) =>
                {
                    using var images = judge.Features(encoder, judge.Sets[0], CancellationToken.None);
                    return listed is null ? verification.Evaluate(images) : verification.Evaluate(images, listed.Among(images));
                },
                Rows,
                report => report.Notes));
        });
        return command;
    }

    private static IEnumerable<(string Name, string Value)> Rows(VerificationReport report)
    {
        yield return ("pairs that are the same", report.SamePairs.ToString("N0", CultureInfo.InvariantCulture));
        yield return ("pairs that are not", report.DifferentPairs.ToString("N0", CultureInfo.InvariantCulture));
        yield return ("ROC AUC", report.RocArea.ToString("0.0000", CultureInfo.InvariantCulture));
        yield return ("average precision", SetArguments.Percent(report.AveragePrecision));
        yield return ("equal error rate", SetArguments.Percent(report.EqualErrorRate));
        foreach (var (rate, accepted) in report.TrueAcceptRates)
        {
            yield return (string.Create(CultureInfo.InvariantCulture, $"accepted at false accepts of {rate:0.######}"), SetArguments.Percent(accepted));
        }

        yield return (
            $"accuracy, {report.Folds.Count} folds", $"{SetArguments.Percent(report.FoldAccuracy)} ± {SetArguments.Percent(report.FoldStandardError)}");
    }
}

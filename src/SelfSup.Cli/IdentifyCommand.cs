using System.CommandLine;
using System.Globalization;
using System.Text;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Images;

namespace SelfSup.Cli;

/// <summary><c>selfsup identify BACKBONE --gallery DIR --query DIR</c>.</summary>
internal static class IdentifyCommand
{
    public static Command Create()
    {
        var arguments = new SetArguments();
        var gallery = new ImagesOption("--gallery", "Who is known: a folder for each identity with one or more images of it");
        var query = new ImagesOption("--query", "Images to look up; in folders named like identities they also tell how often that is right");
        var threshold = new Option<double?>("--threshold")
        {
            Description = "The lowest similarity at which an image is of an identity and not of nobody known; -1 to 1, or with --distance euclidean " +
                "the distance with a minus (default: chosen by --false-accept-rate)",
            HelpName = "t",
        };
        var rate = new Option<double?>("--false-accept-rate")
        {
            Description = "Chooses the threshold by which at most this share of the gallery's images would be taken for another identity (default 0.01)",
            HelpName = "rate",
        };
        var output = new Option<string?>("--out") { Description = "Writes what was found for every image, as CSV", HelpName = "results.csv" };
        var command = new Command(
            "identify",
            "Looks up images in a gallery of known identities, rejects those that are of nobody, beside a random initialisation. " +
            "Example: selfsup identify runs/arcface --gallery known --query new --out results.csv");
        arguments.AddTo(command, withTest: false);
        gallery.AddTo(command);
        query.AddTo(command);
        foreach (var option in new Option[] { threshold, rate, output })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) =>
        {
            var distance = arguments.Distance(parsed);
            var (given, accepted) = (parsed.GetValue(threshold), parsed.GetValue(rate));
            Require(distance, given, accepted);
            CommonOptions.RequireFolder("--out", parsed.GetValue(output));
            var isFirst = true; // the trained encoder is judged first
            return Task.FromResult(arguments.Run(
                parsed,
                (judge, recipe) =>
                {
                    foreach (var (images, needLabels) in new[] { (gallery, true), (query, false) })
                    {
                        judge.Add(
                            images.Source(parsed, null, recipe.Data)
                                ?? throw new RecipeException($"{images.Flag}: is missing, must name a folder of images; add it"),
                            images.Flag,
                            needLabels);
                    }

                    if (given is null)
                    {
                        Gallery.RequireIdentities(judge.Sets[0].Labels);
                    }
                },
                (judge, encoder) =>
                {
                    using var known = judge.Features(encoder, judge.Sets[0], CancellationToken.None);
                    using var looked = judge.Features(encoder, judge.Sets[1], CancellationToken.None);
                    var enrolled = new Gallery(known, distance);
                    var chosen = given is null ? enrolled.ChooseThreshold(accepted ?? 0.01) : null;
                    var limit = given ?? chosen!.Threshold;
                    var found = enrolled.Find(looked, limit);
                    if (isFirst && parsed.GetValue(output) is { } file)
                    {
                        CommonOptions.Write("--out", file, stream => Write(stream, found, judge.Sets[1].Images, looked, judge.Sets[0].Images, known));
                    }

                    isFirst = false;
                    return enrolled.Report(found, limit, chosen);
                },
                Rows,
                _ => []));
        });
        return command;
    }

    private static void Require(FeatureDistance distance, double? threshold, double? rate)
    {
        if (threshold is not null && rate is not null)
        {
            throw new RecipeException("--false-accept-rate: has no effect with --threshold; leave one of them out");
        }

        if (rate is not null and not (>= 0 and < 1))
        {
            throw new RecipeException($"--false-accept-rate: is {rate}, must be from 0 to less than 1; correct it");
        }

        if (threshold is { } value && (distance == FeatureDistance.Cosine ? value is not (>= -1 and <= 1) : value is not (<= 0 and >= double.MinValue)))
        {
            throw new RecipeException(distance == FeatureDistance.Cosine
                ? $"--threshold: is {value}, must be a cosine from -1 to 1; correct it"
                : $"--threshold: is {value}, must be a distance with a minus, such as -0.8, so that nearer is larger; correct it");
        }
    }

    private static IEnumerable<(string Name, string Value)> Rows(IdentificationReport report)
    {
        yield return ("identities", report.Identities.ToString("N0", CultureInfo.InvariantCulture));
        yield return ("images looked up", report.Queries.ToString("N0", CultureInfo.InvariantCulture));
        yield return ("threshold", report.Threshold.ToString("0.0000", CultureInfo.InvariantCulture));
        yield return ("accepted", report.Accepted.ToString("N0", CultureInfo.InvariantCulture));
        yield return ("of known: nearest is right", SetArguments.Percent(report.Rank1));
        yield return ("of known: right", SetArguments.Percent(report.Right));
        yield return ("of known: wrong", SetArguments.Percent(report.Wrong));
        yield return ("of known: rejected", SetArguments.Percent(report.Rejected));
        yield return ("of unknown: rejected", SetArguments.Percent(report.UnknownRejected));
    }

    private static void Write(
        Stream stream, IReadOnlyList<Identification> found, IImageSource queries, FeatureSet looked, IImageSource gallery, FeatureSet known)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true);
        writer.Write("image,identity,similarity,nearest,nearestIdentity,truth\n");
        foreach (var one in found)
        {
            string[] cells =
            [
                queries.Name((int)looked.Samples[one.Row]),
                one.IsAccepted ? one.Identity : "",
                one.Similarity.ToString("R", CultureInfo.InvariantCulture),
                gallery.Name((int)known.Samples[one.Place]),
                one.Identity,
                one.Truth ?? "",
            ];
            writer.Write(string.Join(',', cells.Select(CsvCell.Of)) + "\n");
        }
    }
}

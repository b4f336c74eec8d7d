using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Runs;

namespace SelfSup.Cli;

/// <summary>
/// The arguments that the verbs share which judge a backbone by what it makes of a set of images, and how they print what they
/// found.
/// </summary>
internal sealed class SetArguments
{
    private readonly BackboneArguments _backbone = new();

    private readonly Option<string?> _of = new("--of")
    {
        Description = "features of the backbone, or embeddings of the head (default: embeddings of a run of metricLearning, else features)",
        HelpName = "features|embeddings",
    };

    private readonly Option<string> _distance = new("--distance")
    {
        Description = "What near means",
        HelpName = "cosine|euclidean",
        DefaultValueFactory = _ => "cosine",
    };

    private readonly Option<string?> _classes = new("--classes")
    {
        Description = "Only images of these classes, such as those that were left out of training",
        HelpName = "a,b,...",
    };

    private readonly Option<string?> _exceptClasses = new("--except-classes") { Description = "All classes but these", HelpName = "a,b,..." };

    /// <summary>The images that are judged by.</summary>
    public ImagesOption Test { get; } = new("--test", "Labelled images to judge by: folder, Parquet or IDX (default: evaluation.test of the recipe)");

    /// <summary>Adds the arguments to a verb.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="withTest">Whether it judges by the test images.</param>
    public void AddTo(Command command, bool withTest = true)
    {
        _backbone.AddTo(command);
        _of.AcceptOnlyFromAmong("features", "embeddings");
        _distance.AcceptOnlyFromAmong("cosine", "euclidean");
        if (withTest)
        {
            Test.AddTo(command);
            command.Add(_classes);
            command.Add(_exceptClasses);
        }

        command.Add(_of);
        command.Add(_distance);
    }

    /// <summary>What near means.</summary>
    public FeatureDistance Distance(ParseResult parsed) => parsed.GetValue(_distance) == "euclidean" ? FeatureDistance.Euclidean : FeatureDistance.Cosine;

    /// <summary>The images to judge by.</summary>
    public ImageSourceOptions TestImages(ParseResult parsed, Recipe recipe) =>
        Source(parsed, Test, recipe.Evaluation.Test, recipe)
        ?? throw new RecipeException("--test: the recipe names no labelled test images; name a folder, Parquet or IDX file");

    /// <summary>Images that an option or the recipe names, of the classes that are wanted; null where neither does.</summary>
    public ImageSourceOptions? Source(ParseResult parsed, ImagesOption images, ImageSourceOptions? ofRecipe, Recipe recipe) => images.Source(
        parsed,
        ofRecipe,
        ofRecipe ?? recipe.Data,
        options =>
        {
            if (Names(parsed, _classes) is { } wanted)
            {
                (options.Classes, options.ExceptClasses) = (wanted, null);
            }

            if (Names(parsed, _exceptClasses) is { } unwanted)
            {
                (options.Classes, options.ExceptClasses) = (Names(parsed, _classes), unwanted);
            }
        });

    /// <summary>Judges the trained and the untrained encoder and prints both.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="open">Adds the sets of images.</param>
    /// <param name="judge">Judges one encoder.</param>
    /// <param name="rows">What of a report is printed: what it is called, and its value.</param>
    /// <param name="notes">What a reader of a report must know.</param>
    public int Run<TReport>(
        ParseResult parsed,
        Action<SetJudge, Recipe> open,
        Func<SetJudge, Encoder, TReport> judge,
        Func<TReport, IEnumerable<(string Name, string Value)>> rows,
        Func<TReport, IEnumerable<string>> notes)
    {
        Representation? of = parsed.GetValue(_of) switch
        {
            "features" => Representation.Features,
            "embeddings" => Representation.Embeddings,
            _ => null,
        };
        return _backbone.Run(
            parsed,
            of,
            (backbone, reader, device) =>
            {
                var judging = new SetJudge(backbone.Recipe, reader, device, backbone.Of);
                open(judging, backbone.Recipe);
                Console.WriteLine(
                    $"{backbone.Origin}: {(backbone.Of == Representation.Features ? "features" : "embeddings")} of " +
                    string.Join(" and ", judging.Sets.Select(set => $"{set.Images.Count:N0} images")));
                return judging;
            },
            judge,
            (judging, trained, untrained) =>
            {
                TextTable.Print(
                    ["", "this backbone", "random initialisation"],
                    rows(trained).Zip(rows(untrained), (a, b) => new[] { a.Name, a.Value, b.Value }),
                    foldsLast: false);
                foreach (var note in notes(trained))
                {
                    Console.WriteLine($"note: {note}");
                }

                return judging.Unreadable;
            });
    }

    /// <summary>A rate as it is printed; a dash where there is none.</summary>
    public static string Percent(double? value) => value?.ToString("0.00 %", CultureInfo.InvariantCulture) ?? "-";

    private static string[]? Names(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}

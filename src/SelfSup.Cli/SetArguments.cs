using System.CommandLine;
using System.Globalization;

using SelfSup.Catalogs;
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
        Description = "features of the backbone, or embeddings of the head (default: embeddings of a run of metric learning, else features)",
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
    /// <exception cref="RecipeException">A flag names no class, or one that the recipe has left out already.</exception>
    public ImageSourceOptions? Source(ParseResult parsed, ImagesOption images, ImageSourceOptions? ofRecipe, Recipe recipe) => images.Source(
        parsed,
        ofRecipe,
        ofRecipe ?? recipe.Data,
        options =>
        {
            var (wanted, unwanted) = (Names(parsed, _classes), Names(parsed, _exceptClasses));
            if (wanted is not null)
            {
                (options.Classes, options.ExceptClasses) = (wanted, unwanted); // which refuses both
            }
            else if (unwanted is not null && options.Classes is { } ofTheRecipe)
            {
                options.Classes = Without(ofTheRecipe, unwanted);
            }
            else if (unwanted is not null)
            {
                options.ExceptClasses = [.. (options.ExceptClasses ?? []).Union(unwanted)];
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
                    string.Join(" and ", judging.Sets.Select(Described)));
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

    /// <summary>Judges both encoders by the test images alone.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="require">Looks at their labels before features are made of them.</param>
    /// <param name="judge">Judges what an encoder makes of them.</param>
    /// <param name="rows">As in the other.</param>
    /// <param name="notes">As in the other.</param>
    public int Run<TReport>(
        ParseResult parsed,
        Action<LabelSet> require,
        Func<FeatureSet, TReport> judge,
        Func<TReport, IEnumerable<(string Name, string Value)>> rows,
        Func<TReport, IEnumerable<string>> notes) => Run(
            parsed,
            (judging, recipe) => require(judging.Add(TestImages(parsed, recipe), Test.Flag).Labels),
            (judging, encoder) =>
            {
                using var images = judging.Features(encoder, judging.Sets[0], CancellationToken.None);
                return judge(images);
            },
            rows,
            notes);

    /// <summary>A rate as it is printed; a dash where there is none.</summary>
    public static string Percent(double? value) => value?.ToString("0.00 %", CultureInfo.InvariantCulture) ?? "-";

    private static string Described(LabelledImages set)
    {
        var images = $"{set.Images.Count:N0} images";
        return set.HasLabels && set.Labels.Classes is var classes ? $"{images} of {classes:N0} {(classes == 1 ? "class" : "classes")}" : images;
    }

    private static string[]? Names(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is not { } names ? null
        : names is not [] ? names
        : throw new RecipeException($"{option.Name}: names no class, must name at least one; name some or leave it out");

    private static string[] Without(string[] classes, string[] unwanted)
    {
        string[] unknown = [.. unwanted.Except(classes)];
        if (unknown.Length > 0)
        {
            throw new RecipeException(
                $"--except-classes: names {string.Join(", ", unknown.Select(name => $"'{name}'"))}, must be among the classes that the recipe judges by, " +
                $"{string.Join(", ", classes)}{NearestName.Question(unknown[0], classes)}");
        }

        return classes.Except(unwanted).ToArray() is [_, ..] left
            ? left
            : throw new RecipeException(
                $"--except-classes: leaves none of the classes that the recipe judges by, {string.Join(", ", classes)}; name fewer, or others by --classes");
    }
}

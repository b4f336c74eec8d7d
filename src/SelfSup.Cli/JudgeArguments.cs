using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Recipes;
using SelfSup.Runs;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>The arguments that the verbs share which judge a backbone by what it classifies, and how they print what they found.</summary>
internal sealed class JudgeArguments
{
    private readonly BackboneArguments _backbone = new();

    private readonly ImagesOption _train = new(
        "--train", "Labelled images to learn from: folder, Parquet or IDX (default: those of the recipe)");

    private readonly ImagesOption _test = new("--test", "Labelled images to be classified (default: evaluation.test of the recipe)");

    /// <summary>Adds the arguments to a verb.</summary>
    public void AddTo(Command command)
    {
        _backbone.AddTo(command);
        _train.AddTo(command);
        _test.AddTo(command);
    }

    /// <summary>Judges the trained and the untrained encoder and prints both.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="judge">Judges one encoder.</param>
    public int Run(ParseResult parsed, Func<BackboneJudge, Recipe, Models.Encoder, ClassificationReport> judge)
    {
        Recipe? recipe = null;
        return _backbone.Run(
            parsed,
            Representation.Features,
            (backbone, reader, device) =>
            {
                recipe = backbone.Recipe;
                var train = _train.Source(parsed, recipe.Evaluation.Train ?? recipe.Data!)!;
                var test = _test.Source(parsed, recipe.Evaluation.Test)
                    ?? throw new RecipeException("--test: the recipe names no labelled test images; name a folder, Parquet or IDX file");
                var judging = new BackboneJudge(recipe, reader, train, test, device);
                Console.WriteLine($"{backbone.Origin}: {judging.TrainCount:N0} images to learn from, {judging.TestCount:N0} to classify");
                return judging;
            },
            (judging, encoder) => judge(judging, recipe!, encoder),
            (judging, trained, untrained) =>
            {
                Print(trained, untrained);
                return judging.Unreadable;
            });
    }

    private static void Print(ClassificationReport trained, ClassificationReport untrained)
    {
        static string Percent(double value) => value.ToString("0.00 %", CultureInfo.InvariantCulture);
        Console.WriteLine($"this backbone          top-1 {Percent(trained.Top1)}  top-5 {Percent(trained.Top5)}");
        Console.WriteLine($"random initialisation  top-1 {Percent(untrained.Top1)}  top-5 {Percent(untrained.Top5)}");
        foreach (var note in trained.Notes)
        {
            Console.WriteLine($"note: {note}");
        }

        if (trained.Classes.Count > 20)
        {
            return; // the JSON file has them all
        }

        Console.WriteLine();
        var table = new Table().Border(TableBorder.Simple).AddColumn("class").AddColumn(new TableColumn("right").RightAligned());
        foreach (var name in trained.Classes.Select(c => c.Name))
        {
            table.AddColumn(new TableColumn(Markup.Escape(name.Length > 7 ? name[..7] : name)).RightAligned());
        }

        foreach (var (row, counts) in trained.Classes.Zip(trained.Confusion))
        {
            table.AddRow(
            [
                Markup.Escape(row.Name),
                row.Accuracy is { } accuracy ? Percent(accuracy) : "-",
                .. counts.Select(c => c.ToString(CultureInfo.InvariantCulture)),
            ]);
        }

        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 160);
        AnsiConsole.Write(table);
        Console.WriteLine("rows: true class, columns: predicted class");
    }
}

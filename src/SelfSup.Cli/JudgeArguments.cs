using System.CommandLine;
using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Hosting;
using SelfSup.Images;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Training;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>The arguments that the verbs which judge a backbone share, and how they print what they found.</summary>
internal sealed class JudgeArguments
{
    private readonly Argument<string> _backbone = new("backbone")
    {
        Description = "A run directory, the folder of one of its checkpoints, or an exported safetensors file",
    };

    private readonly Option<string?> _train = new("--train")
    {
        Description = "Labelled images to learn from: folder, Parquet or IDX (default: those of the recipe)",
        HelpName = "path",
    };

    private readonly Option<string?> _test = new("--test")
    {
        Description = "Labelled images to be classified (default: evaluation.test of the recipe)",
        HelpName = "path",
    };

    private readonly Option<int?> _trainLimit = new("--train-limit") { Description = "Only the first so many", HelpName = "n" };

    private readonly Option<int?> _testLimit = new("--test-limit") { Description = "Only the first so many", HelpName = "n" };

    private readonly Option<string?> _json = new("--json")
    {
        Description = "Writes everything that was found, confusion matrices included",
        HelpName = "file",
    };

    private readonly Option<int?> _threads = CommonOptions.Threads();

    private readonly Option<string[]> _assemblies = CommonOptions.Assemblies();

    /// <summary>Adds the arguments to a verb.</summary>
    public void AddTo(Command command)
    {
        command.Add(_backbone);
        foreach (var option in new Option[] { _train, _trainLimit, _test, _testLimit, _json, _threads, _assemblies })
        {
            command.Add(option);
        }
    }

    /// <summary>Judges the trained and the untrained encoder and prints both.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="judge">Judges one encoder; told which one for messages.</param>
    public int Run(ParseResult parsed, Func<BackboneJudge, Recipe, Models.Encoder, ClassificationReport> judge)
    {
        CommonOptions.RequireFolder("--json", parsed.GetValue(_json));
        RunEnvironment.LoadTorch();
        var run = new RunOptions { Threads = parsed.GetValue(_threads) };
        RecipeBinder.Require(run, "--threads");
        TorchSharp.torch.set_num_threads(run.Threads ?? Environment.ProcessorCount);
        var reader = CommonOptions.Reader(parsed.GetValue(_assemblies));
        var device = Devices.Find(DeviceKind.Auto);
        using var backbone = TrainedBackbone.Load(parsed.GetRequiredValue(_backbone), reader, device);
        var recipe = backbone.Recipe;
        var train = Source("--train", recipe.Evaluation.Train ?? recipe.Data!, parsed.GetValue(_train), parsed.GetValue(_trainLimit));
        var test = Source("--test", recipe.Evaluation.Test, parsed.GetValue(_test), parsed.GetValue(_testLimit))
            ?? throw new RecipeException("--test: the recipe names no labelled test images; name a folder, Parquet or IDX file");
        using var judging = new BackboneJudge(recipe, reader, train!, test, device);

        Console.WriteLine($"{backbone.Origin}: {judging.TrainCount:N0} images to learn from, {judging.TestCount:N0} to classify");
        Console.WriteLine("judging this backbone, then a random initialisation (may take minutes) ...");
        var trained = judge(judging, recipe, backbone.Encoder);
        var untrained = judge(judging, recipe, backbone.Untrained);
        Print(trained, untrained);
        foreach (var image in judging.Unreadable)
        {
            Console.WriteLine($"left out: {image.Where}: {image.Reason}");
        }

        if (parsed.GetValue(_json) is { } file)
        {
            CommonOptions.Write("--json", file, stream => JsonSerializer.Serialize(
                stream,
                new { backbone = backbone.Origin, encoder = trained, randomInitialisation = untrained },
                CheckpointManifest.Json));
        }

        return ExitCodes.Success;
    }

    private static ImageSourceOptions? Source(string flag, ImageSourceOptions? recipe, string? path, int? limit)
    {
        if (path is null && recipe is null)
        {
            return null;
        }

        var options = new ImageSourceOptions
        {
            Path = path is null ? recipe!.Path : Path.GetFullPath(path),
            Limit = limit ?? (path is null ? recipe!.Limit : null),
        };
        if (recipe is not null)
        {
            (options.OnUnreadable, options.MaxPixels, options.CacheMegabytes) =
                (recipe.OnUnreadable, recipe.MaxPixels, recipe.CacheMegabytes);
            if (path is null)
            {
                (options.ImageColumn, options.LabelColumn) = (recipe.ImageColumn, recipe.LabelColumn);
                (options.Classes, options.ExceptClasses, options.Labels) = (recipe.Classes, recipe.ExceptClasses, recipe.Labels);
            }
        }

        RecipeBinder.Require(options, flag);
        return options;
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

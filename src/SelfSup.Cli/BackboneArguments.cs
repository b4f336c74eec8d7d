using System.CommandLine;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Evaluation;
using SelfSup.Hosting;
using SelfSup.Images;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Runs;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary>What all verbs that judge a backbone have: the backbone, a random initialisation beside it, and a JSON file.</summary>
internal sealed class BackboneArguments
{
    private readonly Argument<string> _backbone = Backbone();

    private readonly Option<string?> _recipe = ForeignRecipe();

    private readonly Option<string?> _json = new("--json")
    {
        Description = "Writes everything that was found, of both encoders",
        HelpName = "file",
    };

    private readonly Option<int?> _threads = CommonOptions.Threads();

    private readonly Option<string[]> _assemblies = CommonOptions.Assemblies();

    /// <summary>What verbs take that need a backbone.</summary>
    public static Argument<string> Backbone() => new("backbone")
    {
        Description = "A run directory, the folder of one of its checkpoints, an exported safetensors file, or with --recipe weights of another "
            + "program: safetensors, .pth, .pth.tar, .ckpt",
    };

    /// <summary>What weights of another program need.</summary>
    public static Option<string?> ForeignRecipe() => new("--recipe")
    {
        Description = "For weights of another program: a recipe that says their architecture, how images are prepared, and which",
        HelpName = "file",
    };

    /// <summary>The recipe that weights of another program go with, or null.</summary>
    /// <exception cref="Errors.RecipeException">It is wrong.</exception>
    public static Recipe? Read(string? path, RecipeReader reader)
    {
        CommonOptions.RequirePath("--recipe", path);
        return path is null ? null : reader.Read(path, RunEnvironment.Settings(), []);
    }

    /// <summary>Adds the arguments to a verb.</summary>
    public void AddTo(Command command)
    {
        command.Add(_backbone);
        foreach (var option in new Option[] { _recipe, _json, _threads, _assemblies })
        {
            command.Add(option);
        }
    }

    /// <summary>Judges the trained and the untrained encoder and prints both.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="of">What is judged; null for what suits the run.</param>
    /// <param name="open">Opens the images.</param>
    /// <param name="judge">Judges one encoder.</param>
    /// <param name="print">Prints what was found, of the trained encoder first, and says which images were left out.</param>
    public int Run<TJudge, TReport>(
        ParseResult parsed,
        Representation? of,
        Func<TrainedBackbone, RecipeReader, Device, TJudge> open,
        Func<TJudge, Encoder, TReport> judge,
        Func<TJudge, TReport, TReport, IReadOnlyList<UnreadableImage>> print)
        where TJudge : IDisposable
    {
        CommonOptions.RequireFolder("--json", parsed.GetValue(_json));
        RunEnvironment.LoadTorch();
        var run = new RunOptions { Threads = parsed.GetValue(_threads) };
        RecipeBinder.Require(run, "--threads");
        set_num_threads(run.Threads ?? Environment.ProcessorCount);
        var reader = CommonOptions.Reader(parsed.GetValue(_assemblies));
        var device = Devices.Find(DeviceKind.Auto);
        using var backbone = TrainedBackbone.Load(
            parsed.GetRequiredValue(_backbone), reader, device, of, foreign: Read(parsed.GetValue(_recipe), reader));
        using var judging = open(backbone, reader, device);
        Console.WriteLine("judging this backbone, then a random initialisation (may take minutes) ...");
        var trained = judge(judging, backbone.Encoder);
        var untrained = judge(judging, backbone.Untrained);
        foreach (var image in print(judging, trained, untrained))
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
}

using System.CommandLine;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Hosting;
using SelfSup.Recipes;
using SelfSup.Reports;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Cli;

/// <summary><c>selfsup report RUN... --out report.html</c>.</summary>
internal sealed class ReportCommand
{
    private const int MostRuns = 16;

    private readonly Argument<string[]> _runs = new("run")
    {
        Description = "A run directory; several are compared",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string> _output = new("--out")
    {
        Description = "The page to write; one that is there is replaced when the new one is whole",
        HelpName = "file",
        DefaultValueFactory = _ => "report.html",
    };

    private readonly Option<int> _images = new("--images")
    {
        Description = "Test images that the network looks at for neighbours, map and probe, which learns from four times as many at most",
        HelpName = "n",
        DefaultValueFactory = _ => new ReportOptions().Images,
    };

    private readonly Option<int> _rows = new("--rows")
    {
        Description = "Images in the contact sheet of views, and queries of the nearest images",
        HelpName = "n",
        DefaultValueFactory = _ => new ReportOptions().Rows,
    };

    private readonly Option<bool> _noImages = new("--no-images") { Description = "Shows no image: no views, neighbours by name, a map without pictures" };

    private readonly Option<bool> _noNetwork = new("--no-network")
    {
        Description = "Leaves out what the network has to be loaded for: neighbours, map, confusion",
    };

    private readonly Option<string> _device = new("--device")
    {
        Description = "Where the network computes",
        HelpName = "auto|cpu|cuda",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<int?> _threads = CommonOptions.Threads();
    private readonly Option<string[]> _set = CommonOptions.Set();
    private readonly Option<string[]> _assemblies = CommonOptions.Assemblies();

    private ReportCommand() => _device.AcceptOnlyFromAmong("auto", "cpu", "cuda");

    public static Command Create()
    {
        var verb = new ReportCommand();
        var command = new Command(
            "report",
            "Writes one HTML file of a run, or of several side by side: curves, views, nearest images, a map of embeddings, confusion, history, settings. "
            + "It needs no network and no other file. Example: selfsup report runs/quickstart --out quickstart.html")
        {
            verb._runs,
        };
        foreach (var option in new Option[]
        {
            verb._output, verb._images, verb._rows, verb._noImages, verb._noNetwork, verb._device, verb._threads, verb._set, verb._assemblies,
        })
        {
            command.Add(option);
        }

        command.SetAction((parsed, _) => Task.FromResult(verb.Run(parsed)));
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var output = parsed.GetRequiredValue(_output);
        CommonOptions.RequireFolder("--out", output);
        var options = new ReportOptions
        {
            Images = parsed.GetValue(_images),
            Rows = parsed.GetValue(_rows),
            HasPictures = !parsed.GetValue(_noImages),
            UsesNetwork = !parsed.GetValue(_noNetwork),
        };
        RecipeBinder.Require(options, "report");
        var threads = new RunOptions { Threads = parsed.GetValue(_threads) };
        RecipeBinder.Require(threads, "--threads");
        var folders = parsed.GetRequiredValue(_runs);
        if (folders.Length > MostRuns)
        {
            throw new RecipeException($"report: {folders.Length} runs, at most {MostRuns} stand side by side; name fewer");
        }

        var reader = CommonOptions.Reader(parsed.GetValue(_assemblies));
        // What is wrong with a run or a setting is said before the first image is read.
        Recipe[] recipes = [.. folders.Select(folder => RunReport.RecipeOf(folder, reader, parsed.GetValue(_set)!))];
        Device? device = null;
        if (options.UsesNetwork)
        {
            RunEnvironment.LoadTorch();
            set_num_threads(threads.Threads ?? Environment.ProcessorCount);
            device = Devices.Find(Enum.Parse<DeviceKind>(parsed.GetRequiredValue(_device), ignoreCase: true));
        }

        var report = new RunReport(options, reader, device, TimeProvider.System, text => Console.WriteLine($"{text} ..."));
        var runs = folders.Zip(recipes).ToArray();
        report.Read(runs);
        var bytes = 0L;
        CommonOptions.Write("--out", output, stream =>
        {
            report.Write(stream);
            bytes = stream.Position;
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{output}: {folders.Length} {(folders.Length == 1 ? "run" : "runs")}, {Sizes.Bytes(bytes)}"));
        return ExitCodes.Success;
    }
}

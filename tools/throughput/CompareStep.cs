using System.CommandLine;
using System.Text.Json.Nodes;

using SelfSup.Errors;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>compare-step</c>: a training step beside PyTorch's, in alternation, so that what else the machine does meets both.
/// </summary>
internal static class CompareStep
{
    /// <summary>How far the two losses may lie apart before the first update; in float32 they differ by rounding.</summary>
    private const double LossTolerance = 1e-3;

    private static readonly Dictionary<string, (EncoderOptions Encoder, int Size)> _networks = new()
    {
        ["resnet20"] = (new() { Backbone = "resnet20" }, 32),
        ["resnet18"] = (new() { Backbone = "resnet18", Stem = Stem.Small }, 32),
        ["resnet50"] = (new() { Backbone = "resnet50", Stem = Stem.ImageNet }, 224),
    };

    public static Command Command()
    {
        var networks = new Option<string[]>("--networks")
        {
            Description = "Which: resnet20 (thin, 32 pixels), resnet18 (small stem, 32 pixels), resnet50 (ImageNet's stem, 224 pixels).",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => ["resnet20", "resnet18"],
        };
        networks.AcceptOnlyFromAmong([.. _networks.Keys]);
        var images = Arguments.Count("--images", "Images of a batch; the network sees two views of each.", 128);
        var threads = Arguments.Count("--threads", "CPU threads of either side.", Environment.ProcessorCount);
        var rounds = Arguments.Rounds();
        var seconds = Arguments.Seconds(1);
        var oursOnly = new Option<bool>("--ours-only") { Description = "Without Python." };
        var command = new Command(
            "compare-step",
            "Milliseconds of a SimCLR step (two views of each image through network and projection head, NT-Xent loss, backward, "
            + "SGD with momentum and weight decay; the views are there already) beside PyTorch, with the same weights, batch and "
            + "number of threads. Ours: bfloat16 and float32, both channels last. PyTorch's: float32 as its users write it, and the "
            + "fastest of float32 and bfloat16 autocast, each with and without channels_last, found by a short trial. Ratios are "
            + "PyTorch's time by ours: NETWORK is their float32 by our bfloat16, NETWORKBest their fastest by our bfloat16, "
            + "NETWORKFloat32 their float32 by ours. The variable PYTHON names the Python, /usr/bin/python3 where it is not set. "
            + "Example: compare-step --networks resnet20 --images 64")
        {
            networks, images, threads, rounds, seconds, oursOnly,
        };
        command.SetAction(parsed => Run(
            [.. parsed.GetValue(networks)!.Distinct()],
            new Settings(
                parsed.GetValue(images), parsed.GetValue(threads), parsed.GetValue(rounds), parsed.GetValue(seconds)),
            parsed.GetValue(oursOnly)));
        return command;
    }

    private static int Run(string[] networks, Settings settings, bool oursOnly)
    {
        set_num_threads(settings.Threads);
        PythonProcess? python = null;
        if (!oursOnly)
        {
            python = PythonProcess.Start("torch_step.py", $"{settings.Threads}", settings.Threads);
            if (python is null)
            {
                return 1;
            }
        }

        using (python)
        {
            var versions = Machine.Versions();
            versions.Add("libtorch", __version__);
            foreach (var (name, version) in python?.Versions ?? [])
            {
                versions.Add(name, version!.DeepClone());
            }

            var result = new JsonObject
            {
                ["images"] = settings.Images,
                ["views"] = 2 * settings.Images,
                ["threads"] = settings.Threads,
                ["rounds"] = settings.Rounds,
                ["seconds"] = settings.Seconds,
                ["machine"] = Machine.Describe(),
                ["versions"] = versions,
                ["networks"] = new JsonObject(),
                ["milliseconds"] = new JsonObject(),
            };
            var ratios = new List<(string Name, List<double> Values)>();
            foreach (var network in networks)
            {
                var (description, times) = Measure(network, python, settings);
                result["networks"]![network] = description;
                result["milliseconds"]![network] = Table(times);
                ratios.AddRange(Ratios(network, times));
            }

            if (python is not null)
            {
                result["ratios"] = Report.Table(ratios.Select(ratio => (ratio.Name, Report.Median(ratio.Values))));
                result["smallestRatios"] = Report.Table(ratios.Select(ratio => (ratio.Name, ratio.Values.Min())));
                result["largestRatios"] = Report.Table(ratios.Select(ratio => (ratio.Name, ratio.Values.Max())));
            }

            Report.Print(result);
            return 0;
        }
    }

    private static (JsonObject Description, Dictionary<string, List<double>> Times) Measure(
        string network, PythonProcess? python, Settings settings)
    {
        var (encoder, size) = _networks[network];
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        Tensor[] views = [randn(settings.Images, 3, size, size), randn(settings.Images, 3, size, size)];
        using var low = new TrainingWorkload(encoder, new Compute(CPU, Precision.Bfloat16), views);
        using var full = new TrainingWorkload(encoder, new Compute(CPU, Precision.Float32), views);
        var description = new JsonObject { ["parameters"] = full.Parameters, ["pixels"] = size };
        if (python is not null)
        {
            Hand(network, full, views, python);
        }

        Report.Progress($"warming up: {network}");
        low.WarmUp();
        var loss = full.WarmUp();
        var best = "";
        if (python is not null)
        {
            Report.Progress($"warming up: {network} in Python");
            var tried = python.Ask($"try {settings.Seconds}");
            Agree(network, loss, (double)tried["firstLoss"]!);
            best = (string)tried["best"]!;
            description["pytorchBest"] = best;
            description["pytorchTried"] = Report.Table(
                tried["milliseconds"]!.AsObject().Select(entry => (entry.Key, (double)entry.Value!)));
        }

        var sides = new List<(string Name, Func<double> Milliseconds)>
        {
            ("selfsup", () => low.Measure(settings.Seconds)),
            ("selfsupFloat32", () => full.Measure(settings.Seconds)),
        };
        if (python is not null)
        {
            // One of them after each of ours.
            sides.Insert(1, ("pytorch", () => Ask(python, "float32", settings.Seconds)));
            sides.Add(("pytorchBest", () => Ask(python, best, settings.Seconds)));
        }

        var times = sides.ToDictionary(side => side.Name, _ => new List<double>());
        for (var round = 0; round < settings.Rounds; round++)
        {
            sides.ForEach(side => times[side.Name].Add(side.Milliseconds()));
            Report.Progress(
                $"round {round + 1} of {settings.Rounds}: {network} "
                + string.Join(", ", times.Select(time => $"{time.Key} {time.Value[^1]:F1} ms")));
        }

        return (description, times);
    }

    /// <summary>Gives our weights and the batch to Python, so that both sides begin with the same.</summary>
    private static void Hand(string network, TrainingWorkload ours, Tensor[] views, PythonProcess python)
    {
        var folder = Directory.CreateTempSubdirectory("selfsup-");
        try
        {
            var file = Path.Combine(folder.FullName, "start.safetensors");
            using (var stream = File.Create(file))
            {
                SafeTensors.Write(stream, [.. ours.Weights, new("view1", views[0]), new("view2", views[1])]);
            }

            var parameters = (long)python.Ask($"make {network} {file}")["parameters"]!;
            if (parameters != ours.Parameters)
            {
                throw new DataException(
                    $"{network}: {ours.Parameters:N0} parameters for us and {parameters:N0} for Python, must be the same; "
                    + "another torchvision may build another network");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Fails unless both sides computed the same thing.</summary>
    private static void Agree(string network, double ours, double theirs)
    {
        if (Math.Abs(ours - theirs) > LossTolerance * Math.Abs(ours))
        {
            throw new DataException(
                $"{network}: the loss of the first step is {ours:F5} for us and {theirs:F5} for Python, must be the same; "
                + "another torchvision may build another network");
        }
    }

    private static double Ask(PythonProcess python, string setting, double seconds) =>
        (double)python.Ask($"step {setting} {seconds}")["milliseconds"]!;

    private static JsonObject Table(Dictionary<string, List<double>> times) => new(times.Select(side => KeyValuePair.Create(
        side.Key,
        (JsonNode?)Report.Table(
        [
            ("median", Report.Median(side.Value)), ("min", side.Value.Min()), ("max", side.Value.Max()),
        ]))));

    /// <summary>PyTorch's time by ours, round by round.</summary>
    private static IEnumerable<(string Name, List<double> Values)> Ratios(string network, Dictionary<string, List<double>> times) =>
        from pair in new[]
        {
            (Suffix: "", Theirs: "pytorch", Ours: "selfsup"),
            (Suffix: "Best", Theirs: "pytorchBest", Ours: "selfsup"),
            (Suffix: "Float32", Theirs: "pytorch", Ours: "selfsupFloat32"),
        }
        where times.ContainsKey(pair.Theirs)
        select (network + pair.Suffix, times[pair.Theirs].Zip(times[pair.Ours], (theirs, ours) => theirs / ours).ToList());

    /// <summary>What is measured.</summary>
    private sealed record Settings(int Images, int Threads, int Rounds, double Seconds);
}

using System.CommandLine;
using System.Text.Json.Nodes;

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>compare-views FOLDER</c>: the loader with one worker beside torchvision, by CPU time, in alternation, so that what
/// else the machine does meets both.
/// </summary>
internal static class CompareViews
{
    /// <summary>Python's workload, and ours that makes the same views.</summary>
    private static readonly (string Name, string Ours)[] _comparisons =
    [
        ("simclr224", "simclr224"),
        ("simclr224Pillow", "simclr224"), // Another way to blur on their side, nothing else for us.
        ("decodeTwoCrops", "decodeTwoCrops"),
        ("cifar32", "cifar32"),
    ];

    public static Command Command()
    {
        var folder = Arguments.Folder();
        var rounds = Arguments.Rounds();
        var seconds = Arguments.Seconds();
        var oursOnly = new Option<bool>("--ours-only") { Description = "Without Python." };
        var command = new Command(
            "compare-views",
            "Images a second of CPU time, two views of each, beside torchvision. The variable PYTHON names the Python, "
            + "/usr/bin/python3 where it is not set.")
        {
            folder, rounds, seconds, oursOnly,
        };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(folder),
            parsed.GetValue(rounds),
            parsed.GetValue(seconds),
            parsed.GetValue(oursOnly)));
        return command;
    }

    private static int Run(string folder, int rounds, double seconds, bool oursOnly)
    {
        using var photographs = new FolderSource(Existing(folder));
        PythonProcess? torchvision = null;
        if (!oursOnly)
        {
            torchvision = PythonProcess.Start("torchvision_views.py", folder, threads: 1);
            if (torchvision is null)
            {
                return 1;
            }
        }

        using (torchvision)
        {
            if (torchvision is not null && (int)torchvision.Introduction["images"]! is var found && found != photographs.Count)
            {
                throw new DataException(
                    $"{folder}: {photographs.Count:N0} images for us and {found:N0} for Python, must be the "
                    + "same; use a folder without links");
            }

            Report.Print(Compare(photographs, torchvision, rounds, seconds));
        }

        return 0;
    }

    /// <summary>The same folder, if it is one.</summary>
    internal static string Existing(string folder) => Directory.Exists(folder)
        ? folder
        : throw new DataException($"{folder}: there is no such folder, must be a folder of photographs; check the path");

    private static JsonObject Compare(
        FolderSource photographs, PythonProcess? torchvision, int rounds, double seconds)
    {
        using var small = SmallImages.Of(photographs, least: 1000);
        var workloads = new Dictionary<string, Workload>();
        try
        {
            foreach (var (name, source, view) in new (string, IImageSource, ViewPipeline)[]
            {
                ("simclr224", photographs, Views.SimClr224()),
                ("decodeTwoCrops", photographs, Views.Crop224()),
                ("cifar32", small, Views.Cifar32()),
            })
            {
                Report.Progress($"warming up: {name}");
                workloads.Add(name, new Workload(source, view, workers: 1));
                workloads[name].WarmUp(seconds);
            }

            foreach (var (name, _) in _comparisons)
            {
                if (torchvision is not null)
                {
                    Report.Progress($"warming up: {name} in Python");
                    Measure(torchvision, name, seconds);
                }
            }

            var ours = _comparisons.ToDictionary(comparison => comparison.Name, _ => new List<double>());
            var theirs = _comparisons.ToDictionary(comparison => comparison.Name, _ => new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                foreach (var (name, own) in _comparisons)
                {
                    ours[name].Add(workloads[own].Measure().ImagesPerCpuSecond);
                    if (torchvision is not null)
                    {
                        theirs[name].Add(Measure(torchvision, name, seconds));
                    }

                    Report.Progress(torchvision is null
                        ? $"round {round + 1} of {rounds}: {name} {ours[name][^1]:F1} images/s of CPU"
                        : $"round {round + 1} of {rounds}: {name} {ours[name][^1]:F1} images/s of CPU, torchvision "
                        + $"{theirs[name][^1]:F1}");
                }
            }

            return Result(photographs.Count, torchvision, rounds, seconds, ours, theirs);
        }
        finally
        {
            foreach (var workload in workloads.Values)
            {
                workload.Dispose();
            }
        }
    }

    /// <summary>Lets Python work for so many seconds of CPU time; images a second of it.</summary>
    private static double Measure(PythonProcess torchvision, string workload, double seconds)
    {
        var answer = torchvision.Ask($"{workload} {seconds}");
        return (double)answer["images"]! / (double)answer["cpuSeconds"]!;
    }

    private static JsonObject Result(
        int images, PythonProcess? torchvision, int rounds, double seconds,
        Dictionary<string, List<double>> ours, Dictionary<string, List<double>> theirs)
    {
        var versions = Machine.Versions();
        var speeds = new JsonObject { ["selfsup"] = Table(ours, Report.Median) };
        var result = new JsonObject
        {
            ["images"] = images,
            ["rounds"] = rounds,
            ["seconds"] = seconds,
            ["machine"] = Machine.Describe(),
            ["versions"] = versions,
            ["imagesPerCpuSecond"] = speeds,
        };
        if (torchvision is not null)
        {
            foreach (var (name, version) in torchvision.Versions)
            {
                versions.Add(name, version!.DeepClone());
            }

            var ratios = ours.ToDictionary(
                entry => entry.Key, entry => entry.Value.Zip(theirs[entry.Key], (own, other) => own / other).ToList());
            speeds.Add("torchvision", Table(theirs, Report.Median));
            result.Add("ratios", Table(ratios, Report.Median));
            result.Add("smallestRatios", Table(ratios, values => values.Min()));
            result.Add("largestRatios", Table(ratios, values => values.Max()));
        }

        return result;
    }

    private static JsonObject Table(Dictionary<string, List<double>> values, Func<List<double>, double> summary) =>
        Report.Table(_comparisons.Select(comparison => (comparison.Name, summary(values[comparison.Name]))));
}

using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

using SelfSup.Images;

namespace SelfSup.Tools.Throughput;

/// <summary><c>scale-workers FOLDER</c>: how much faster more threads are, by the clock on the wall.</summary>
internal static class ScaleWorkers
{
    public static Command Command()
    {
        var folder = Arguments.Folder();
        var rounds = Arguments.Rounds();
        var seconds = Arguments.Seconds();
        var command = new Command(
            "scale-workers", "Images a second of SimCLR's views at 224 pixels with 1, 2, 4, ... workers.")
        {
            folder, rounds, seconds,
        };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(folder), parsed.GetValue(rounds), parsed.GetValue(seconds)));
        return command;
    }

    private static int Run(string folder, int rounds, double seconds)
    {
        using var photographs = new FolderSource(CompareViews.Existing(folder));
        int[] counts = [.. Counts(Environment.ProcessorCount)];
        var workloads = new Workload[counts.Length];
        try
        {
            for (var i = 0; i < counts.Length; i++)
            {
                Report.Progress($"warming up: {counts[i]} workers");
                workloads[i] = new Workload(photographs, Views.SimClr224(), counts[i]);
                workloads[i].WarmUp(seconds);
            }

            var speeds = new double[rounds][];
            for (var round = 0; round < rounds; round++)
            {
                speeds[round] = Array.ConvertAll(workloads, workload => workload.Measure().ImagesPerSecond);
                var found = string.Join(", ", counts.Zip(speeds[round], (workers, speed) => $"{workers}: {speed:F1}"));
                Report.Progress($"round {round + 1} of {rounds}: images/s by workers {found}");
            }

            Report.Print(new JsonObject
            {
                ["images"] = photographs.Count,
                ["rounds"] = rounds,
                ["seconds"] = seconds,
                ["machine"] = Machine.Describe(),
                ["versions"] = Machine.Versions(),
                ["imagesPerSecond"] = Table(0, (speed, _) => speed, Report.Median),
                ["ratios"] = Table(1, (speed, one) => speed / one, Report.Median),
                ["smallestRatios"] = Table(1, (speed, one) => speed / one, values => values.Min()),
                ["largestRatios"] = Table(1, (speed, one) => speed / one, values => values.Max()),
            });
            return 0;

            // One number for each count of workers, from the speed in each round and the one of a single worker there.
            JsonObject Table(int first, Func<double, double, double> value, Func<IEnumerable<double>, double> summary) =>
                Report.Table(Enumerable.Range(first, counts.Length - first).Select(i => (
                    counts[i].ToString(CultureInfo.InvariantCulture),
                    summary(speeds.Select(round => value(round[i], round[0]))))));
        }
        finally
        {
            Array.ForEach(workloads, workload => workload?.Dispose());
        }
    }

    /// <summary>1, 2, 4 and so on below the number of cores, and that; 1 and 2 in any case.</summary>
    private static IEnumerable<int> Counts(int cores)
    {
        for (var count = 1; count < Math.Max(2, cores); count *= 2)
        {
            yield return count;
        }

        yield return Math.Max(2, cores);
    }
}

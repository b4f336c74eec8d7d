using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>compare-losses</c>: time and memory of NT-Xent in tiles beside the formula that holds the matrix of similarities.
/// </summary>
internal static class CompareLosses
{
    private const string MemoryVerb = "loss-memory";
    private const int RowsOfWarmUp = 256;

    public static Command Command()
    {
        var (rows, width, threads) = Shape();
        var rounds = Arguments.Rounds();
        var largest = new Option<int>("--largest") { Description = "So many rows in tiles alone, besides.", DefaultValueFactory = _ => 0 };
        var command = new Command(
            "compare-losses", "Forward and backward of NT-Xent in tiles and with the whole matrix, time and memory.")
        {
            rows, width, threads, rounds, largest,
        };
        command.SetAction(parsed => Run(
            parsed.GetValue(rows), parsed.GetValue(width), parsed.GetValue(threads), parsed.GetValue(rounds), parsed.GetValue(largest)));
        return command;
    }

    /// <summary>One step in a process of its own, which nothing else has filled.</summary>
    public static Command MemoryCommand()
    {
        var kind = new Argument<string>("kind");
        kind.AcceptOnlyFromAmong("tiled", "naive");
        var (rows, width, threads) = Shape();
        var command = new Command(MemoryVerb, "Memory of one step, for compare-losses.") { kind, rows, width, threads };
        command.Hidden = true;
        command.SetAction(parsed => Measure(
            parsed.GetRequiredValue(kind) == "tiled", parsed.GetValue(rows), parsed.GetValue(width), parsed.GetValue(threads)));
        return command;
    }

    private static (Option<int> Rows, Option<int> Width, Option<int> Threads) Shape() => (
        Arguments.Count("--rows", "2N, how many views are compared.", 8192),
        Arguments.Count("--width", "D, the width of an embedding.", 128),
        Arguments.Count("--threads", "Threads of libtorch.", Environment.ProcessorCount));

    private static int Run(int rows, int width, int threads, int rounds, int largest)
    {
        set_num_threads(threads);
        using var workload = new LossWorkload(rows, width);
        Report.Progress("warming up");
        var (naiveLoss, tiledLoss) = (workload.Step(tiled: false).Loss, workload.Step(tiled: true).Loss);
        var times = new (double Naive, double Tiled)[rounds];
        for (var round = 0; round < rounds; round++)
        {
            times[round] = (workload.Step(tiled: false).Milliseconds, workload.Step(tiled: true).Milliseconds);
            Report.Progress($"round {round + 1} of {rounds}: naive {times[round].Naive:F0} ms, tiled {times[round].Tiled:F0} ms");
        }

        var (naive, tiled) = (InAnotherProcess("naive", rows, width, threads), InAnotherProcess("tiled", rows, width, threads));
        var result = new JsonObject
        {
            ["rows"] = rows,
            ["width"] = width,
            ["threads"] = threads,
            ["rounds"] = rounds,
            ["machine"] = Machine.Describe(),
            ["versions"] = Machine.Versions(),
            ["losses"] = new JsonObject { ["naive"] = naiveLoss, ["tiled"] = tiledLoss },
            ["milliseconds"] = new JsonObject
            {
                ["naive"] = Summary(times.Select(t => t.Naive)),
                ["tiled"] = Summary(times.Select(t => t.Tiled)),
            },
            ["ratios"] = Summary(times.Select(t => t.Naive / t.Tiled)),
            ["peakMegabytes"] = Report.Table(
                [("naive", naive.Megabytes), ("tiled", tiled.Megabytes), ("ratio", naive.Megabytes / tiled.Megabytes)]),
        };
        if (largest > 0)
        {
            Report.Progress($"{largest} rows");
            var most = InAnotherProcess("tiled", largest, width, threads);
            result["largest"] = Report.Table(
                [("rows", largest), ("milliseconds", most.Milliseconds), ("peakMegabytes", most.Megabytes)]);
        }

        Report.Print(result);
        return 0;
    }

    private static JsonObject Summary(IEnumerable<double> values)
    {
        double[] all = [.. values];
        return Report.Table([("median", Report.Median(all)), ("smallest", all.Min()), ("largest", all.Max())]);
    }

    private static int Measure(bool tiled, int rows, int width, int threads)
    {
        set_num_threads(threads);
        using (var small = new LossWorkload(RowsOfWarmUp, width))
        {
            small.Step(tiled); // what libraries and the JIT need is not the loss's
        }

        using var workload = new LossWorkload(rows, width);
        var before = Machine.ResidentMegabytes().Now;
        var (_, milliseconds) = workload.Step(tiled);
        var peak = Machine.ResidentMegabytes().Peak;
        Report.Print(new JsonObject { ["milliseconds"] = milliseconds, ["megabytes"] = peak - before });
        return 0;
    }

    private static (double Milliseconds, double Megabytes) InAnotherProcess(string kind, int rows, int width, int threads)
    {
        var itself = Environment.ProcessPath!;
        string[] program = Path.GetFileNameWithoutExtension(itself) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo(
            itself,
            [.. program, MemoryVerb, kind, "--rows", Text(rows), "--width", Text(width), "--threads", Text(threads)])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new TrainingException(
                $"{MemoryVerb} {kind}: ended with {process.ExitCode} at {rows} rows, must be 0; take fewer --rows, or look above");
        }

        var result = JsonNode.Parse(answer)!;
        return ((double)result["milliseconds"]!, (double)result["megabytes"]!);
    }
}

using System.Globalization;

using SelfSup.Runs;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>Prints a profile, for people.</summary>
internal static class ProfilePrinter
{
    private const int BarWidth = 24;

    /// <summary>Wide enough for every line; a pipe has no edge at which one would have to break.</summary>
    private const int PipeWidth = 1000;

    private static readonly Dictionary<string, string> _parts = new()
    {
        ["dataWait"] = "waiting for data",
        ["transfer"] = "to the device",
        ["forward"] = "forward",
        ["compare"] = "compare (loss)",
        ["backward"] = "backward",
        ["allReduce"] = "all-reduce",
        ["gradientNorm"] = "gradient norm",
        ["optimizer"] = "optimizer",
        ["commit"] = "commit",
        ["report"] = "report",
    };

    public static void Print(RunProfile profile)
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = PipeWidth;
        }

        static void Fact(string name, string value) => Console.WriteLine($"{name,-12}{value}");
        var step = profile.StepMilliseconds;
        var arithmetic = profile.Arithmetic;
        Fact("recipe", $"{profile.Recipe}, {profile.BatchSize} images a step, {profile.Precision}{(profile.ChannelsLast ? ", channels last" : "")}");
        Fact("on", $"{profile.Device}, {profile.Threads} threads; {profile.Host}");
        Fact("steps", $"{profile.Steps} measured, the first {profile.StepsLeftOut} left out");
        Fact("a step", $"{Time(step.Mean)} (median {Time(step.Median)}, {Time(step.Min)} to {Time(step.Max)}), {Number(profile.ImagesPerSecond)} images/s");
        if (profile.Ranks is { } ranks)
        {
            Fact("ranks", $"{ranks.Ranks} over {ranks.Engine}; figures are the first one's");
            Fact("all-reduce", $"{Sizes.Bytes(ranks.GradientBytes)} of gradients, {Time(ranks.ExposedMilliseconds)} of a step exposed"
                + (ranks.WithoutOverlapMilliseconds is { } behind ? $", {Time(behind)} without overlap" : ", without overlap (ranks.overlap)"));
        }

        Fact("evaluation", profile.EvaluationSeconds is { } seconds ? Time(1000 * seconds) : "none in the recipe");
        Fact("checkpoint", $"{Time(1000 * profile.Checkpoint.Seconds)}, {Sizes.Bytes(profile.Checkpoint.Bytes)}");
        Fact("arithmetic", $"{Giga(arithmetic.OperationsPerStep)}FLOP a step, forward and backward");
        Fact("speed", $"{Giga(arithmetic.OperationsPerSecond)}FLOP/s there, {arithmetic.Share:0 %} of a large matrix product's");
        Fact("products", string.Join(", ", arithmetic.MatrixProduct.Select(p => $"{p.Key} {Giga(p.Value)}FLOP/s")));
        Table("time of a step", "ms", profile.Parts.Select(part => (
            _parts[part.Key], part.Value.Milliseconds.ToString("0.00", CultureInfo.InvariantCulture), part.Value.Share)));
        Memory(profile.Memory);
    }

    private static void Memory(MemoryUse memory)
    {
        (string Name, long? Bytes)[] rows =
        [
            ("parameters", memory.Parameters),
            ("gradients", memory.Gradients),
            ("optimizer state", memory.OptimizerState),
            ("method's stores", memory.MethodState),
            ("checkpoint's snapshot", memory.Snapshot),
            ("activations", memory.Activations),
            ("batches of the loader", memory.Batches),
            ("decoded images", memory.DecodedCache),
            ("Parquet and IDX files", memory.SourceCache),
            (".NET's heap", memory.Managed),
            ("gaps in freed memory", memory.Gaps),
            ("libtorch and the rest", memory.Rest),
        ];
        Table("memory", "", rows.Select(row => (
            row.Name, row.Bytes is { } bytes ? Sizes.Bytes(bytes) : "not known here", (double)(row.Bytes ?? 0) / memory.PeakResident)));
        Console.WriteLine($"peak of resident memory: {Sizes.Bytes(memory.PeakResident)}");
    }

    private static void Table(string title, string unit, IEnumerable<(string Name, string Value, double Share)> rows)
    {
        var table = new Table().Border(TableBorder.Simple)
            .AddColumn(title)
            .AddColumn(new TableColumn(unit).RightAligned())
            .AddColumn(new TableColumn("share").RightAligned())
            .AddColumn("");
        foreach (var (name, value, share) in rows)
        {
            table.AddRow(
                new Text(name),
                new Text(value),
                new Text(share.ToString("0.0 %", CultureInfo.InvariantCulture)),
                new Text(new string('█', (int)Math.Round(BarWidth * Math.Clamp(share, 0, 1)))));
        }

        AnsiConsole.Write(table);
    }

    /// <summary>Milliseconds, or seconds where they are many.</summary>
    private static string Time(double milliseconds) => milliseconds >= 10_000
        ? (milliseconds / 1000).ToString("0.0 s", CultureInfo.InvariantCulture)
        : $"{Number(milliseconds)} ms";

    private static string Number(double value) => value.ToString(value >= 100 ? "N0" : "0.0", CultureInfo.InvariantCulture);

    /// <summary>A large number with the prefix of its unit.</summary>
    private static string Giga(double value) => value >= 1e12
        ? (value / 1e12).ToString("0.00 T", CultureInfo.InvariantCulture)
        : (value / 1e9).ToString(value >= 1e11 ? "0 G" : "0.0 G", CultureInfo.InvariantCulture);
}

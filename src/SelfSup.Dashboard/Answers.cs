using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

using SelfSup.Reports;
using SelfSup.Runs;
using SelfSup.Training;

namespace SelfSup.Dashboard;

/// <summary>What the page is told, as JSON. Numbers that are none are null.</summary>
internal static class Answers
{
    /// <summary>How it is written; nothing in it could end a script or begin a tag, wherever it were put.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.Default,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>A run in the list.</summary>
    public static object Row(KnownRun run, DateTimeOffset now)
    {
        if (run.Record is not { } record)
        {
            return new { run.Id, State = "refused", Reason = run.Refused };
        }

        var summary = record.Summary;
        var measure = MeasureNames.First(summary.Evaluation.Keys);
        return new
        {
            run.Id,
            summary.State,
            summary.Reason,
            record.Method,
            summary.Step,
            TotalSteps = summary.TotalSteps == 0 ? null : (long?)summary.TotalSteps,
            Epoch = Finite(summary.Epoch),
            Epochs = record.Plan is { } plan ? Finite(plan.Epoch(plan.TotalSteps)) : null,
            Loss = Finite(summary.Loss),
            Measure = measure is null ? null : MeasureNames.Of(measure),
            Judged = measure is null ? null : Finite(summary.Evaluation[measure]),
            JudgedStep = measure is null ? null : summary.EvaluationStep,
            ImagesPerSecond = Finite(record.Pace?.ImagesPerSecond ?? Number(record, "imagesPerSecond")),
            WaitShare = Finite(record.Pace?.WaitShare),
            RemainingSeconds = Finite(record.Pace?.Remaining?.TotalSeconds),
            Began = summary.Began == default ? null : (DateTimeOffset?)summary.Began,
            SilentSeconds = summary.LastSign == default ? null : (double?)Math.Max(0, (now - summary.LastSign).TotalSeconds),
            record.Warnings,
        };
    }

    /// <summary>Everything of a run but its curves.</summary>
    public static object Run(KnownRun run, DateTimeOffset now) => new
    {
        Run = Row(run, now),
        run.Folder,
        run.Record!.Summary.StepsPerEpoch,
        run.Record.Summary.Bytes,
        Settings = run.Record.Settings.Select(setting => new[] { setting.Key, setting.Value }),
        Result = run.Record.Result.Select(value => new[] { value.Key, value.Value.ToString() }),
        History = run.Record.Summary.History.TakeLast(MostEvents).Select(Event),
        Log = LogTail.Of(run.Folder),
    };

    /// <summary>Several runs, and the settings in which those differ that may be read.</summary>
    public static object Comparison(IReadOnlyList<KnownRun> runs, DateTimeOffset now) => new
    {
        Runs = runs.Select(run => Row(run, now)),
        Differences = SettingDifferences.Of([.. runs.Select(run => run.Record?.Settings).OfType<IReadOnlyDictionary<string, string>>()]),
    };

    /// <summary>Writes curves: for each its steps and values; null is a gap.</summary>
    /// <param name="writer">Where.</param>
    /// <param name="series">The curves.</param>
    /// <param name="isWhole">Whether they are all there is, or what has come since.</param>
    /// <param name="points">How many points a curve has at most.</param>
    public static void Write(Utf8JsonWriter writer, MetricsSeries series, bool isWhole, int points)
    {
        writer.WriteStartObject();
        writer.WriteString("next", series.Position.ToString());
        writer.WriteBoolean("whole", isWhole);
        writer.WriteStartObject("series");
        foreach (var (name, curve) in series.Curves)
        {
            var drawn = curve.Points(points);
            writer.WriteStartObject(name);
            writer.WriteStartArray("x");
            foreach (var point in drawn)
            {
                writer.WriteNumberValue(point.Step);
            }

            writer.WriteEndArray();
            writer.WriteStartArray("y");
            foreach (var point in drawn)
            {
                WriteValue(writer, point.Value);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private const int MostEvents = 500;

    private static void WriteValue(Utf8JsonWriter writer, double? value)
    {
        if (value is not { } number)
        {
            writer.WriteNullValue();
        }
        else if (float.IsFinite((float)number))
        {
            writer.WriteNumberValue((float)number); // half the digits, and more than a screen shows
        }
        else
        {
            writer.WriteNumberValue(number);
        }
    }

    private static object Event(RunEvent happened) => new
    {
        happened.Event,
        happened.At,
        happened.Step,
        Message = happened.Message ?? (happened.Key is { } key ? $"{key} was {happened.Was}, is {happened.Is}" : happened.Signal),
        Where = happened.Host is null ? null : happened.Process is { } process ? $"process {process} on {happened.Host}" : happened.Host,
        happened.Exact,
        happened.ExitCode,
        happened.Rank,
        happened.Ranks,
    };

    private static double? Number(RunRecord record, string key) =>
        record.Summary.State == RunStanding.Finished && record.Result.TryGetValue(key, out var value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : null;

    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}

using SelfSup.Runs;

namespace SelfSup.Reports;

/// <summary>All that a report has of a run.</summary>
/// <param name="Name">What it is called; with its folder where several have one name.</param>
/// <param name="Record">What its files tell.</param>
/// <param name="Metrics">Its curves.</param>
/// <param name="Findings">What its images and its network show.</param>
internal sealed record ReportedRun(string Name, RunRecord Record, MetricsSeries Metrics, RunFindings Findings)
{
    /// <summary>What it was judged by last, by name.</summary>
    public IReadOnlyDictionary<string, double> Judged => Record.Summary.Evaluation;

    /// <summary>Seconds of the run; null where its files do not say it.</summary>
    public double? Seconds => Number("seconds");

    /// <summary>Images a second over the run, or of its last steps where it is not finished.</summary>
    public double? ImagesPerSecond => Number("imagesPerSecond") ?? Record.Pace?.ImagesPerSecond ?? Metrics.Curves.GetValueOrDefault("imagesPerSecond")?.Last;

    /// <summary>What the network was judged by before it was trained; null where it was not.</summary>
    public double? Untrained(string measure) =>
        Metrics.Curves.GetValueOrDefault($"evaluation.{measure}")?.Points() is [(0, { } value), ..] ? value : null;

    /// <summary>A number of its result; null where it is not finished: one that goes on with more epochs has the result of those before.</summary>
    public double? Number(string key) =>
        Record.Summary.State == RunStanding.Finished
        && Record.Result.GetValueOrDefault(key) is { ValueKind: System.Text.Json.JsonValueKind.Number } value ? value.GetDouble() : null;

    /// <summary>A text of its result.</summary>
    public string? Text(string key) =>
        Record.Result.GetValueOrDefault(key) is { ValueKind: System.Text.Json.JsonValueKind.String } value ? value.GetString() : null;
}

using System.Globalization;

using SelfSup.Diagnostics;
using SelfSup.Runs;
using SelfSup.Training;

namespace SelfSup.Reports;

/// <summary>What about a run its user should look at, by what its files tell.</summary>
internal static class RunWarnings
{
    // Below it a faster disk or more workers gain little.
    private const double Starved = 0.2;

    /// <summary>All there are, the most urgent first.</summary>
    /// <param name="summary">How the run stands.</param>
    /// <param name="pace">How fast it is, where it runs.</param>
    /// <param name="settings">Its recipe.</param>
    /// <param name="stepsPerEpoch">Steps of an epoch; 0 where it is not known.</param>
    /// <param name="now">The time.</param>
    public static IReadOnlyList<RunWarning> Of(
        RunSummary summary, RunPace? pace, IReadOnlyDictionary<string, string> settings, long stepsPerEpoch, DateTimeOffset now) =>
    [
        .. Stalled(summary, now),
        .. Collapsed(summary, settings, stepsPerEpoch),
        .. pace is { WaitShare: > Starved }
            ? [new RunWarning(RunWarningKind.DataStarved, string.Create(CultureInfo.InvariantCulture, $"{pace.WaitShare:0 %} of its time it waits for data"))]
            : Array.Empty<RunWarning>(),
        .. Happened(summary.History, RunWarningKind.Skipped, "steps left out", RunEventKind.StepSkipped),
        .. Happened(summary.History, RunWarningKind.Spiked, "jumps of the loss", RunEventKind.LossSpiked),
        .. Happened(
            summary.History, RunWarningKind.Checkpoint, "times trouble with checkpoints", RunEventKind.CheckpointDamaged, RunEventKind.CheckpointDelayed),
        .. Happened(summary.History, RunWarningKind.Restarted, "restarts", RunEventKind.Restarted),
    ];

    private static IEnumerable<RunWarning> Stalled(RunSummary summary, DateTimeOffset now)
    {
        var silent = now - summary.LastSign;
        if (summary.State == RunStanding.Silent || (summary.State == RunStanding.Running && silent > summary.Tail.Patience))
        {
            yield return new RunWarning(
                RunWarningKind.Stalled,
                string.Create(CultureInfo.InvariantCulture, $"no sign of life for {(long)silent.TotalMinutes} min"),
                summary.Step);
        }
        else if (summary.State == RunStanding.Running && summary.History is [.., { Event: RunEventKind.Hung } hung])
        {
            yield return new RunWarning(RunWarningKind.Stalled, hung.Message ?? "no step was done for long", hung.Step);
        }
    }

    private static IEnumerable<RunWarning> Collapsed(RunSummary summary, IReadOnlyDictionary<string, string> settings, long stepsPerEpoch)
    {
        if (!long.TryParse(settings.GetValueOrDefault("encoder.head.output"), NumberStyles.None, CultureInfo.InvariantCulture, out var width))
        {
            yield break;
        }

        SpaceLine[] last = [.. summary.Tail.Looks.TakeLast(RunHealth.LooksInARow)];
        var signals = last.Select(look => EmbeddingReport.SignalOf(
            look.Measures.GetValueOrDefault("effectiveRank", double.MaxValue),
            look.Measures.GetValueOrDefault("standardDeviation", double.MaxValue),
            width,
            summary.Classes == 2 ? 0 : EmbeddingReport.DefaultLeastRank)).OfType<string>().ToArray();
        if (signals.Length == RunHealth.LooksInARow && last[0].Step > RunHealth.BeginningOf(stepsPerEpoch))
        {
            yield return new RunWarning(RunWarningKind.Collapsed, $"embeddings have collapsed: {signals[^1]}", last[^1].Step);
        }
    }

    private static IEnumerable<RunWarning> Happened(
        IReadOnlyList<RunEvent> history, RunWarningKind kind, string several, params RunEventKind[] events)
    {
        RunEvent[] happened = [.. history.Where(e => events.Contains(e.Event))];
        if (happened is [.., var last])
        {
            var message = last.Message ?? several;
            yield return new RunWarning(kind, happened.Length == 1 ? message : $"{happened.Length} {several}; the last: {message}", last.Step);
        }
    }
}

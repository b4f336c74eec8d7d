using System.Diagnostics;

using SelfSup.Checkpoints;
using SelfSup.Telemetry;

namespace SelfSup.Training;

/// <summary>
/// Spans of checkpoints from their snapshot until the run learns, between two steps, that they are on disk. Where nobody listens
/// there are none.
/// </summary>
internal sealed class CheckpointSpans : IDisposable
{
    private readonly List<(long Step, Activity Span)> _open = [];

    /// <summary>One is on its way.</summary>
    public void Begin(long step)
    {
        if (RunTrace.Beside("checkpoint", step) is { } span)
        {
            _open.Add((step, span));
        }
    }

    /// <summary>One is on disk; an earlier one that could not be written is not tried any more.</summary>
    public void Written(CheckpointNews news)
    {
        while (_open is [var (step, span), ..] && step <= news.Step)
        {
            _ = step == news.Step
                ? span.SetTag("selfsup.checkpoint.size", news.Bytes)
                : span.SetStatus(ActivityStatusCode.Error, "a later one took its place");
            End();
            if (step == news.Step)
            {
                return; // there may be another of the same step, with an evaluation
            }
        }
    }

    /// <summary>One cannot be written for now.</summary>
    public void Delayed(CheckpointNews news) => _open.Find(open => open.Step == news.Step).Span?.AddEvent(
        new ActivityEvent("delayed", tags: new() { ["selfsup.problem"] = news.Problem }));

    /// <summary>None can be written any more.</summary>
    public void Failed(Exception error)
    {
        _open.ForEach(open => RunTrace.Fail(open.Span, error));
        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_open.Count > 0)
        {
            End();
        }
    }

    private void End()
    {
        RunTrace.End(_open[0].Span);
        _open.RemoveAt(0);
    }
}

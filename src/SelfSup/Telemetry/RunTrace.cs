using System.Diagnostics;

namespace SelfSup.Telemetry;

/// <summary>
/// The spans of a run: run, in it epochs, and in them what stands between steps. Where nobody listens there are none, and nothing of
/// this costs anything.
/// </summary>
internal sealed class RunTrace : IDisposable
{
    private readonly Activity? _run = TrainingMetrics.Activities.StartActivity("run");
    private Activity? _epoch;
    private long _number = -1;
    private string _outcome = "stopped";

    /// <summary>A step of an epoch comes next.</summary>
    /// <param name="epoch">From 0.</param>
    public void Epoch(long epoch)
    {
        if (_run is null || epoch == _number)
        {
            return;
        }

        _epoch?.Dispose();
        _number = epoch;
        _epoch = TrainingMetrics.Activities.StartActivity("epoch")?.SetTag("selfsup.epoch", epoch + 1);
    }

    /// <summary>Something between two steps that takes a while.</summary>
    /// <param name="name">What.</param>
    /// <param name="step">Steps done.</param>
    public static Activity? Between(string name, long step) => TrainingMetrics.Activities.StartActivity(name)?.SetTag("selfsup.step", step);

    /// <summary>Something that goes on beside the steps: what follows is not inside it.</summary>
    /// <inheritdoc cref="Between"/>
    public static Activity? Beside(string name, long step)
    {
        var current = Activity.Current;
        var beside = Between(name, step);
        Activity.Current = current;
        return beside;
    }

    /// <summary>Ends what went on beside the steps.</summary>
    public static void End(Activity? beside)
    {
        var current = Activity.Current;
        beside?.Dispose();
        Activity.Current = current;
    }

    /// <summary>The run was away before this process: from when another one died, or began to be started again.</summary>
    /// <param name="since">When.</param>
    /// <param name="signal">The signal that had ended it, or null.</param>
    /// <param name="exitCode">What it ended with, or null.</param>
    public void Restarted(DateTimeOffset since, string? signal, int? exitCode)
    {
        if (_run is not null)
        {
            using var restart = TrainingMetrics.Activities.StartActivity(ActivityKind.Internal, _run.Context, startTime: since, name: "restart");
            restart?.SetTag("selfsup.restart.signal", signal).SetTag("selfsup.restart.exit_code", exitCode);
        }
    }

    /// <summary>An error ended what is under way.</summary>
    public static void Fail(Activity? span, Exception error) => span?.AddException(error).SetStatus(ActivityStatusCode.Error, error.Message);

    /// <summary>The run ends with an error.</summary>
    public void Failed(Exception error)
    {
        _outcome = "failed";
        Fail(_epoch, error);
        Fail(_run, error);
    }

    /// <summary>The run has done all its steps.</summary>
    /// <param name="isFinished">Whether it has.</param>
    /// <returns>The same.</returns>
    public bool Ended(bool isFinished)
    {
        _outcome = isFinished ? "finished" : _outcome;
        return isFinished;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _epoch?.Dispose();
        _run?.SetTag("selfsup.outcome", _outcome).Dispose();
    }
}

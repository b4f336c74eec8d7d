using SelfSup.Errors;

namespace SelfSup.Training;

/// <summary>Writes down how a run ended: finished, stopped in order, or with an error.</summary>
/// <param name="history">Where.</param>
/// <param name="controls">Know what told it to stop.</param>
internal sealed class RunEnding(RunHistory history, RunControls controls)
{
    /// <summary>Runs.</summary>
    /// <param name="run">Says whether the end was reached.</param>
    /// <param name="step">Steps done.</param>
    /// <returns>Whether the end was reached.</returns>
    public bool Of(Func<bool> run, Func<long> step)
    {
        try
        {
            var finished = run();
            history.Add(finished ? new RunEvent(RunEventKind.Finished) { Step = step() } : Stopped(step()));
            return finished;
        }
        catch (Exception e)
        {
            history.Add(Failed(e, step()));
            throw;
        }
    }

    /// <summary>The event of an error.</summary>
    public static RunEvent Failed(Exception error, long step) => new(RunEventKind.Failed)
    {
        Step = step,
        Message = (error is SelfSupException ? error.Message : $"{error.GetType().Name}: {error.Message}").ReplaceLineEndings(" "),
        ExitCode = error is SelfSupException known ? known.ExitCode : 1,
        Rank = (error as CommunicationException)?.Rank,
    };

    private RunEvent Stopped(long step)
    {
        var signal = controls.StoppedBy();
        return new RunEvent(RunEventKind.Stopped) { Step = step, Signal = signal?.Name, ExitCode = signal?.ExitCode };
    }
}

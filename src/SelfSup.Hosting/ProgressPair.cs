using SelfSup.Training;

namespace SelfSup.Hosting;

/// <summary>Tells two listeners how a run goes: the terminal, and the log that goes to a collector.</summary>
/// <param name="first">Told first.</param>
/// <param name="second">Told second.</param>
internal sealed class ProgressPair(IRunProgress first, IRunProgress second) : IRunProgress
{
    /// <inheritdoc/>
    public void Started(RunStart start) => Both(listener => listener.Started(start));

    /// <inheritdoc/>
    public void Stepped(StepProgress progress)
    {
        first.Stepped(progress);
        second.Stepped(progress);
    }

    /// <inheritdoc/>
    public void Evaluating(long step) => Both(listener => listener.Evaluating(step));

    /// <inheritdoc/>
    public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration) =>
        Both(listener => listener.Evaluated(step, epoch, values, duration));

    /// <inheritdoc/>
    public void Saved(long step, string path) => Both(listener => listener.Saved(step, path));

    /// <inheritdoc/>
    public void CheckpointAnswered(long step) => Both(listener => listener.CheckpointAnswered(step));

    /// <inheritdoc/>
    public void Warn(string message) => Both(listener => listener.Warn(message));

    private void Both(Action<IRunProgress> tell)
    {
        tell(first);
        tell(second);
    }
}

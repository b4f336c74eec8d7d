namespace SelfSup.Training;

/// <summary>
/// Asks a run for a checkpoint that it would not write by itself, as a batch system does before it takes the machine away.
/// The run answers between two steps and goes on; however often it was asked until then, it is one checkpoint.
/// </summary>
public sealed class CheckpointRequest
{
    private string? _asked; // by which signal; empty where it was none

    /// <summary>Asks for a checkpoint after the step that is under way. May be called from any thread.</summary>
    public void Ask() => Ask("");

    /// <summary>A signal asks.</summary>
    internal void Ask(string signal) => Interlocked.Exchange(ref _asked, signal);

    /// <summary>Whether there is one to be written now; it is no longer asked for then.</summary>
    /// <param name="signal">The signal that asked, or null.</param>
    internal bool Taken(out string? signal)
    {
        var asked = Interlocked.Exchange(ref _asked, null);
        signal = asked is { Length: > 0 } ? asked : null;
        return asked is not null;
    }
}

namespace SelfSup.Errors;

/// <summary>A checkpoint, export or run directory does not fit the run (exit code 4).</summary>
public sealed class CheckpointException(string message, Exception? cause = null)
    : SelfSupException(message, 4, cause)
{
    /// <summary>Whether a newer version of the program wrote it: it is whole, but not for this one.</summary>
    internal bool IsOfNewerVersion { get; init; }
}

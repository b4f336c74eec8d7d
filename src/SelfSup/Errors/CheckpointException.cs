namespace SelfSup.Errors;

/// <summary>A checkpoint, export or run directory does not fit the run (exit code 4).</summary>
public sealed class CheckpointException(string message, Exception? cause = null)
    : SelfSupException(message, 4, cause);

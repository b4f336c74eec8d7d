namespace SelfSup.Errors;

/// <summary>A checkpoint, export or run directory does not fit the run (exit code 4).</summary>
public sealed class CheckpointException(string message, Exception? cause = null)
    : SelfSupException(message, 4, cause)
{
    /// <summary>Whether the disk or network failed and nothing is known of the checkpoint; it may be whole.</summary>
    internal bool IsUnread =>
        InnerException is UnauthorizedAccessException or IOException and not (FileNotFoundException or DirectoryNotFoundException or EndOfStreamException);

    /// <summary>Whether a newer version of the program wrote it: it is whole, but not for this one.</summary>
    internal bool IsOfNewerVersion { get; init; }
}

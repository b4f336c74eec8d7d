namespace SelfSup.Errors;

/// <summary>A rank, or the library that ranks speak through, went wrong (exit code 6). The last checkpoint is intact.</summary>
public sealed class CommunicationException(string message, Exception? cause = null) : SelfSupException(message, 6, cause)
{
    /// <summary>The rank that is gone, where it is known.</summary>
    public int? Rank { get; init; }
}

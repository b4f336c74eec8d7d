namespace SelfSup.Errors;

/// <summary>An image or an image source cannot be read (exit code 3).</summary>
public sealed class DataException(string message, Exception? cause = null) : SelfSupException(message, 3, cause)
{
    /// <summary>Whether there is no image at all, as in a row whose image is null: nothing is damaged.</summary>
    public bool IsAbsent { get; init; }

    /// <summary>
    /// Whether files cannot be read, or are no longer those that were opened: nothing is known of their images, so that
    /// none may be left out as unreadable and no other may take its place.
    /// </summary>
    public bool IsSourceLost { get; init; }
}

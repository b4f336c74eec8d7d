namespace SelfSup.Errors;

/// <summary>An image or an image source cannot be read (exit code 3).</summary>
public sealed class DataException(string message, Exception? cause = null) : SelfSupException(message, 3, cause)
{
    /// <summary>Whether there is no image at all, as in a row whose image is null: nothing is damaged.</summary>
    public bool IsAbsent { get; init; }
}

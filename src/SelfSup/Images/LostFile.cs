using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>The errors of files that cannot be read, or are no longer those that were opened.</summary>
internal static class LostFile
{
    private const string Again = "and give the same command again, nothing is lost";

    /// <summary>A file was written to.</summary>
    /// <param name="path">The file.</param>
    /// <param name="then">What it was when it was opened.</param>
    /// <param name="now">What it is.</param>
    public static DataException Changed(string path, FileStamp then, FileStamp now) =>
        new($"{path}: has changed since it was opened ({then.DifferenceTo(now)}); put the file back as it was {Again}")
        {
            IsSourceLost = true,
        };

    /// <summary>A file is gone, may not be read, or its disk or network fails.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cause">An <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.</param>
    public static DataException Unreadable(string path, Exception cause)
    {
        var reason = cause.Message.ReplaceLineEndings(" ").Trim().TrimEnd('.');
        var what = cause switch
        {
            FileNotFoundException or DirectoryNotFoundException =>
                $"this file is gone, or a link to nothing; bring it back {Again}, or begin anew without it",
            UnauthorizedAccessException =>
                $"this file may not be read ({reason}); make it readable {Again}, or begin anew without it",
            _ => $"this file cannot be read ({reason}); see to the disk or network {Again}",
        };
        return new DataException($"{path}: {what}", cause) { IsSourceLost = true };
    }

    /// <summary>Whether an exception says that a file cannot be read, whatever is in it.</summary>
    public static bool IsIt(Exception e) =>
        e is UnauthorizedAccessException or (IOException and not EndOfStreamException);
}

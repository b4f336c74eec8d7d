using SelfSup.Checkpoints;

namespace SelfSup.Dashboard;

/// <summary>The end of a log that somebody keeps in a run's folder.</summary>
/// <param name="Name">Its file.</param>
/// <param name="Text">Its last lines.</param>
internal sealed record LogTail(string Name, string Text)
{
    private const int Tail = 1 << 14;

    /// <summary>Of the <c>*.log</c> that was written last; null where there is none.</summary>
    public static LogTail? Of(string folder)
    {
        try
        {
            var newest = new DirectoryInfo(folder).EnumerateFiles("*.log").MaxBy(file => file.LastWriteTimeUtc);
            if (newest is null)
            {
                return null;
            }

            return new LogTail(newest.Name, RegularFile.ReadEnd(newest.FullName, Tail, out _));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

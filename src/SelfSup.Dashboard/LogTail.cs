using System.Text;

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

            using var file = new FileStream(newest.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            var isWhole = file.Length <= Tail;
            file.Position = isWhole ? 0 : file.Length - Tail;
            var bytes = new byte[(int)Math.Min(Tail, file.Length)];
            var text = Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
            return new LogTail(newest.Name, isWhole ? text : text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

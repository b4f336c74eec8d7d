using System.Globalization;

using Microsoft.Win32.SafeHandles;

namespace SelfSup.Images;

/// <summary>
/// By what a process notices that a file was written to since it first saw it. A copy elsewhere has another one, so what
/// is to hold in other places as well is a <see cref="SourceFiles"/>.
/// </summary>
/// <param name="Length">Bytes.</param>
/// <param name="Written">When it was last written to, in ticks of UTC.</param>
internal readonly record struct FileStamp(long Length, long Written)
{
    /// <summary>Of an open file, whatever its path leads to by now. Allocates nothing.</summary>
    /// <exception cref="IOException">As with <see cref="Of(string)"/>.</exception>
    public static FileStamp Of(SafeFileHandle file) =>
        new(RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file).Ticks);

    /// <summary>Of the file that a path leads to.</summary>
    /// <exception cref="IOException">It is not there, or cannot be looked at.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be looked at.</exception>
    public static FileStamp Of(string path)
    {
        var file = new FileInfo(path);
        if (!file.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            return new(file.Length, file.LastWriteTimeUtc.Ticks);
        }

        // What is known of a link is not what is known of the file it leads to.
        using var target = File.OpenHandle(path);
        return Of(target);
    }

    /// <summary>What is different now: <c>length 104,857,600 then, 0 now</c>.</summary>
    public string DifferenceTo(FileStamp now) => Length != now.Length
        ? string.Create(CultureInfo.InvariantCulture, $"length {Length:N0} then, {now.Length:N0} now")
        : string.Create(CultureInfo.InvariantCulture, $"written at {Time(Written)} then, {Time(now.Written)} now");

    private static string Time(long ticks) =>
        new DateTime(ticks, DateTimeKind.Utc).ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
}

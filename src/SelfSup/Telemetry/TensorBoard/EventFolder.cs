using System.Globalization;

using SelfSup.Telemetry.TensorBoard.Schema;

namespace SelfSup.Telemetry.TensorBoard;

/// <summary>
/// The event files of a run: one for each time that it was started. TensorBoard reads them in the order of their names.
/// </summary>
/// <param name="path">The folder.</param>
internal sealed class EventFolder(string path)
{
    private const string Prefix = "events.out.tfevents.";

    /// <summary>The files, oldest first.</summary>
    public string[] Files => Directory.Exists(path)
        ? [.. Directory.EnumerateFiles(path, Prefix + "*").Order(StringComparer.Ordinal)]
        : [];

    /// <summary>
    /// Cuts off what follows the first event that is made again, in all files, and what a killed process wrote half. A reader that
    /// has the files open learns of it by the beginning of the next one.
    /// </summary>
    /// <param name="isMadeAgain">Says it of an event.</param>
    /// <exception cref="IOException">A file cannot be changed.</exception>
    public void Cut(Func<Event, bool> isMadeAgain)
    {
        var files = Files;
        for (var i = 0; i < files.Length; i++)
        {
            var (end, isCut) = End(files[i], isMadeAgain);
            if (end < new FileInfo(files[i]).Length)
            {
                using var file = new FileStream(files[i], FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
                file.SetLength(end);
            }

            if (isCut)
            {
                foreach (var later in files[(end == 0 ? i : i + 1)..])
                {
                    File.Delete(later);
                }

                return;
            }
        }
    }

    /// <summary>Makes the next file.</summary>
    /// <param name="now">The time.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public FileStream Next(DateTimeOffset now)
    {
        _ = Directory.CreateDirectory(path);
        // Behind the others also where clocks differ between machines.
        var seconds = Math.Max(now.ToUnixTimeSeconds(), Files is [.., var newest] ? SecondsOf(newest) + 1 : 0);
        var name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{seconds:D10}.{Environment.MachineName}.{Environment.ProcessId}.0");
        return new FileStream(Path.Combine(path, name), FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0);
    }

    private static long SecondsOf(string file) =>
        long.TryParse(Path.GetFileName(file)[Prefix.Length..].Split('.')[0], CultureInfo.InvariantCulture, out var seconds) ? seconds : 0;

    /// <summary>Where a file's events end that stay, and whether there is one behind it that does not.</summary>
    private static (long Bytes, bool IsCut) End(string file, Func<Event, bool> isMadeAgain)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 20);
        long end = 0;
        var isEmpty = true; // but for what every file begins with
        while (EventRecord.Read(stream) is { } read)
        {
            if (isMadeAgain(read))
            {
                return (isEmpty ? 0 : end, true);
            }

            isEmpty &= read.WhatCase is Event.WhatOneofCase.FileVersion or Event.WhatOneofCase.SessionLog;
            end = stream.Position;
        }

        return (end, false);
    }
}

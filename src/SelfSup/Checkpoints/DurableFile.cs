using System.Runtime.InteropServices;

using Microsoft.Win32.SafeHandles;

namespace SelfSup.Checkpoints;

/// <summary>Files that are either wholly there or not there, also after a power cut.</summary>
internal static partial class DurableFile
{
    private const int DontNeed = 4;
    private const uint SyncRangeWrite = 2;
    private const int Interrupted = 4;
    private const int InvalidArgument = 22;

    /// <summary>Writes a file beside its place, forces it to disk, then renames it into place.</summary>
    /// <exception cref="IOException">It cannot be written; what was there before still is.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = path + ".tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 16))
            {
                write(file);
                Flush(file);
            }

            File.Move(temporary, path, overwrite: true);
            FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes a text file.</summary>
    public static void Write(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>
    /// Forces what was written to a file to disk. .NET's own <c>Flush(flushToDisk: true)</c> does not tell when the disk refuses:
    /// a checkpoint would count as safe that is not.
    /// </summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public static void Flush(FileStream file)
    {
        file.Flush();
        if (OperatingSystem.IsWindows())
        {
            RandomAccess.FlushToDisk(file.SafeFileHandle);
            return;
        }

        while (Sync(file.SafeFileHandle) != 0)
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    continue;
                case InvalidArgument:
                    return; // a special file, which has nothing to force
                case var error:
                    throw new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{file.Name}'");
            }
        }
    }

    /// <summary>Forces a folder's list of names to disk, without which a rename may not survive a power cut.</summary>
    public static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS journals names by itself, and a folder cannot be opened there
        }

        var folder = Open(path, flags: 0);
        if (folder >= 0)
        {
            _ = Sync(folder); // some network file systems refuse it; the rename itself has succeeded
            _ = Close(folder);
        }
    }

    /// <summary>Lets the disk begin with what was written: <see cref="Flush"/> waits for less then.</summary>
    public static void BeginFlush(SafeFileHandle file, long offset, long length)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SyncRange(file, offset, length, SyncRangeWrite);
        }
    }

    /// <summary>
    /// Lets the system forget a file's content that is on disk already: reading it again then tells what the disk holds, and
    /// memory is left to what is read often.
    /// </summary>
    public static void Forget(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = Advise(file, 0, 0, DontNeed);
        }
    }

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    private static partial int SyncRange(SafeFileHandle file, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}

using System.Runtime.InteropServices;
using System.Text;

using Microsoft.Win32.SafeHandles;

namespace SelfSup.Checkpoints;

/// <summary>
/// Reads files of folders in which others may put anything: a pipe, which would wait for a writer for ever, is refused, and no more is
/// read than was asked for. Nothing is locked.
/// </summary>
internal static partial class RegularFile
{
    private const int NotPermitted = 1;
    private const int NoEntry = 2;
    private const int Interrupted = 4;
    private const int AccessDenied = 13;
    private const int NoDirectory = 20;

    // O_NONBLOCK and O_CLOEXEC.
    private const int LinuxFlags = 0x800 | 0x80000;
    private const int MacFlags = 0x4 | 0x1000000;

    /// <summary>Opens a file to read it.</summary>
    /// <exception cref="IOException">It is not there, or is no file that has an end.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static FileStream Open(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }

        var handle = OpenWithoutWaiting(path);
        try
        {
            if ((File.GetAttributes(handle) & FileAttributes.Directory) != 0)
            {
                throw new UnauthorizedAccessException($"{path}: is a folder");
            }

            var file = new FileStream(handle, FileAccess.Read, bufferSize: 0);
            return file.CanSeek ? file : throw new IOException($"{path}: is no regular file");
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a file that can be opened without waiting for somebody.</summary>
    public static bool Is(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return File.Exists(path);
        }

        try
        {
            Open(path).Dispose();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>A file's content.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">How many bytes it may have.</param>
    /// <exception cref="IOException">It has more, or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] ReadAll(string path, int most)
    {
        using var file = Open(path);
        return file.Length is var length && length > most
            ? throw new IOException($"{path}: has {length} bytes, must have at most {most}")
            : Read(file, 0, (int)length);
    }

    /// <summary>The whole lines within a file's last bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">How many bytes are read.</param>
    /// <param name="length">Bytes of the file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static string ReadEnd(string path, int most, out long length)
    {
        using var file = Open(path);
        length = file.Length;
        var start = Math.Max(0, length - most);
        var text = Encoding.UTF8.GetString(Read(file, start, (int)(length - start)));
        return start == 0 ? text : text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..];
    }

    private static byte[] Read(FileStream file, long start, int length)
    {
        var bytes = new byte[length];
        file.Position = start;
        var read = file.ReadAtLeast(bytes, length, throwOnEndOfStream: false);
        return read == length ? bytes : bytes[..read];
    }

    private static SafeFileHandle OpenWithoutWaiting(string path)
    {
        while (true)
        {
            var handle = Open(path, OperatingSystem.IsMacOS() ? MacFlags : LinuxFlags);
            if (!handle.IsInvalid)
            {
                return handle;
            }

            var error = Marshal.GetLastPInvokeError();
            handle.Dispose();
            if (error != Interrupted)
            {
                var message = $"{path}: {Marshal.GetPInvokeErrorMessage(error)}";
                throw error switch
                {
                    NoEntry => new FileNotFoundException(message, path),
                    NoDirectory => new DirectoryNotFoundException(message),
                    AccessDenied or NotPermitted => new UnauthorizedAccessException(message),
                    _ => new IOException(message),
                };
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial SafeFileHandle Open(string path, int flags);
}

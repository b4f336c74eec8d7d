using Microsoft.Win32.SafeHandles;

namespace SelfSup.Images;

/// <summary>Reads of open files in which several threads may read at once.</summary>
internal static class FileReading
{
    /// <summary>Fills a buffer; false where the file ends too early.</summary>
    public static bool Fill(SafeFileHandle file, Span<byte> into, long position)
    {
        while (!into.IsEmpty)
        {
            var read = RandomAccess.Read(file, into, position);
            if (read == 0)
            {
                return false;
            }

            position += read;
            into = into[read..];
        }

        return true;
    }
}

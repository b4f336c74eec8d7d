using System.Buffers.Binary;

namespace SelfSup.Images;

/// <summary>Whether a file has its end, for libraries that do not say. What comes behind the end does not matter.</summary>
internal static class FileEnds
{
    private static ReadOnlySpan<byte> PngEnd => [0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D'];

    /// <summary>Whether a file is shorter than it says, or lacks what must stand at its end.</summary>
    /// <param name="file">The file.</param>
    /// <param name="format">Its format, by <see cref="EncodedImage.Format"/>.</param>
    public static bool IsCutOff(ReadOnlySpan<byte> file, string format) => format switch
    {
        "JPEG" => !JpegMarkers.HaveEnd(file),
        "PNG" => file.LastIndexOf(PngEnd) < 0,
        "WebP" => file.Length < 12 || BinaryPrimitives.ReadUInt32LittleEndian(file[4..]) + 8L > file.Length,
        "GIF" => !HasTrailer(file),
        "BMP" => !HasRows(file),
        _ => false,
    };

    /// <summary>Whether the blocks of a GIF (GIF89a, appendix B) lead to its trailer.</summary>
    private static bool HasTrailer(ReadOnlySpan<byte> file)
    {
        const int Screen = 13;
        if (file.Length < Screen)
        {
            return false;
        }

        var at = Screen + ColorTable(file[10]);
        while (at < file.Length)
        {
            switch (file[at])
            {
                case 0x3B:
                    return true;
                case 0: // between blocks, as some encoders leave it
                    at++;
                    break;
                case 0x21: // an extension: its label, then sub-blocks
                    at = BehindSubBlocks(file, at + 2L);
                    break;
                case 0x2C when at + 9 < file.Length: // an image: its rectangle, its colours, the size of its codes, then sub-blocks
                    at = BehindSubBlocks(file, at + 11L + ColorTable(file[at + 9]));
                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    private static int ColorTable(byte flags) => (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);

    private static int BehindSubBlocks(ReadOnlySpan<byte> file, long at)
    {
        while (at < file.Length && file[(int)at] is > 0 and var size)
        {
            at += size + 1L;
        }

        return (int)Math.Min(at + 1, file.Length);
    }

    /// <summary>
    /// Whether the header of a bitmap is there, 26 bytes of OS/2's first version and mostly 54 of all others, and its rows; of
    /// compressed ones, which say it, their length.
    /// </summary>
    private static bool HasRows(ReadOnlySpan<byte> file)
    {
        const int Before = 14;
        if (file.Length < Before + 4)
        {
            return false;
        }

        var header = BinaryPrimitives.ReadUInt32LittleEndian(file[Before..]);
        if (file.Length < Before + (long)header || header < 12)
        {
            return false;
        }

        var fields = file[Before..];
        var start = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]);
        if (header < 16)
        {
            return End(
                start, BinaryPrimitives.ReadUInt16LittleEndian(fields[4..]), BinaryPrimitives.ReadUInt16LittleEndian(fields[6..]),
                BinaryPrimitives.ReadUInt16LittleEndian(fields[10..])) <= file.Length;
        }

        // OS/2's second version may leave out what comes behind the bits.
        if (header >= 24 && BinaryPrimitives.ReadUInt32LittleEndian(fields[16..]) is not (0 or 3))
        {
            return start + (long)BinaryPrimitives.ReadUInt32LittleEndian(fields[20..]) <= file.Length;
        }

        return End(
            start, BinaryPrimitives.ReadInt32LittleEndian(fields[4..]), Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(fields[8..])),
            BinaryPrimitives.ReadUInt16LittleEndian(fields[14..])) <= file.Length;
    }

    /// <summary>Where uncompressed rows end; each is filled up to four bytes.</summary>
    private static long End(uint start, long width, long rows, int bits) => start + (((width * bits) + 31) / 32 * 4 * rows);
}

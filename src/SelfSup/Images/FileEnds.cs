using System.Buffers.Binary;

namespace SelfSup.Images;

/// <summary>Whether a file has its end, for libraries that do not say.</summary>
internal static class FileEnds
{
    private static ReadOnlySpan<byte> StartOfScan => [0xFF, 0xDA];

    private static ReadOnlySpan<byte> EndOfImage => [0xFF, 0xD9];

    private static ReadOnlySpan<byte> PngEnd => [0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D'];

    /// <summary>Whether a file is shorter than it says, or lacks what must stand at its end.</summary>
    /// <param name="file">The file.</param>
    /// <param name="format">Its format, by <see cref="EncodedImage.Format"/>.</param>
    public static bool IsCutOff(ReadOnlySpan<byte> file, string format) => format switch
    {
        // Neither marker can stand among the bytes of a scan; a thumbnail has both, before the first scan of the image itself.
        "JPEG" => JpegMarkers.AreCutOff(file) || file.LastIndexOf(EndOfImage) < file.LastIndexOf(StartOfScan),
        "PNG" => file.LastIndexOf(PngEnd) < 0,
        "WebP" => file.Length < 12 || BinaryPrimitives.ReadUInt32LittleEndian(file[4..]) + 8L > file.Length,
        "GIF" => file.TrimEnd((byte)0) is not [.., 0x3B],
        "BMP" => file.Length < 54 || PixelsEnd(file) > file.Length,
        _ => false,
    };

    /// <summary>Where the rows of an uncompressed bitmap end; of a compressed one, which says how long it is, its end.</summary>
    private static long PixelsEnd(ReadOnlySpan<byte> file)
    {
        var start = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]);
        if (BinaryPrimitives.ReadInt32LittleEndian(file[14..]) < 40)
        {
            return start;
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(file[30..]) is not (0 or 3))
        {
            return start + (long)BinaryPrimitives.ReadUInt32LittleEndian(file[34..]);
        }

        var bits = (long)BinaryPrimitives.ReadInt32LittleEndian(file[18..]) * BinaryPrimitives.ReadUInt16LittleEndian(file[28..]);
        var rows = Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(file[22..]));
        return start + ((bits + 31) / 32 * 4 * rows);
    }
}

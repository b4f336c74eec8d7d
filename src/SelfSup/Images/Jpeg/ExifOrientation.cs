using System.Buffers.Binary;

namespace SelfSup.Images.Jpeg;

/// <summary>Finds the orientation in an EXIF segment (EXIF 2.3, 4.6.4, tag 0x0112).</summary>
internal static class ExifOrientation
{
    private const int Tag = 0x0112;
    private const int EntryLength = 12;

    /// <summary>The orientation, 1 to 8, or 0 where the segment does not say.</summary>
    /// <param name="segment">What an APP1 marker holds.</param>
    public static int Find(ReadOnlySpan<byte> segment)
    {
        if (!segment.StartsWith("Exif\0\0"u8))
        {
            return 0;
        }

        var tiff = segment[6..];
        var little = tiff.StartsWith("II*\0"u8);
        if ((!little && !tiff.StartsWith("MM\0*"u8)) || tiff.Length < 10)
        {
            return 0;
        }

        var start = Number32(tiff[4..], little);
        if (start > tiff.Length - 2)
        {
            return 0;
        }

        var directory = tiff[(int)start..];
        var entries = Math.Min(Number16(directory, little), (directory.Length - 2) / EntryLength);
        for (var i = 0; i < entries; i++)
        {
            var entry = directory.Slice(2 + (i * EntryLength), EntryLength);
            if (Number16(entry, little) == Tag)
            {
                var value = Number16(entry[8..], little);
                return Number16(entry[2..], little) == 3 && value is >= 1 and <= 8 ? value : 0;
            }
        }

        return 0;
    }

    private static int Number16(ReadOnlySpan<byte> bytes, bool little) => little
        ? BinaryPrimitives.ReadUInt16LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint Number32(ReadOnlySpan<byte> bytes, bool little) => little
        ? BinaryPrimitives.ReadUInt32LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}

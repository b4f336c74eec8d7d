using System.Buffers.Binary;

namespace SelfSup.Images;

/// <summary>What the frame header of a JPEG file says (ITU-T T.81, B.2.2).</summary>
/// <param name="IsProgressive">Whether the image is refined by several scans.</param>
/// <param name="Components">1 for gray, 3 for colour, 4 for CMYK.</param>
/// <param name="Sampling">The resolution of the colours in the usual notation, such as <c>4:2:0</c>; null where
/// there are not three components, <c>other</c> where the notation has no name for it.</param>
internal sealed record JpegFrame(bool IsProgressive, int Components, string? Sampling)
{
    /// <summary>Finds the frame header; null where the file has none, or none in the part that is given.</summary>
    public static JpegFrame? Find(ReadOnlySpan<byte> file)
    {
        for (var at = 2; at + 4 <= file.Length && file[at] == 0xFF;)
        {
            var marker = file[at + 1];
            if (marker == 0xFF)
            {
                at++; // a fill byte
                continue;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(file[(at + 2)..]);
            if (at + 2 + length > file.Length || length < 2)
            {
                return null;
            }

            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
            {
                return Read(marker, file.Slice(at + 4, length - 2));
            }

            at += 2 + length;
        }

        return null;
    }

    private static JpegFrame? Read(byte marker, ReadOnlySpan<byte> header)
    {
        if (header.Length < 6 || header.Length < 6 + (3 * header[5]))
        {
            return null;
        }

        var components = (int)header[5];
        return new JpegFrame(
            marker is 0xC2 or 0xC6 or 0xCA or 0xCE, components, components == 3 ? Notation(header[7], header[10], header[13]) : null);
    }

    /// <param name="luma">Horizontal and vertical sampling factor of the brightness, four bits each.</param>
    /// <param name="blue">Those of the first colour difference.</param>
    /// <param name="red">Those of the second one.</param>
    private static string Notation(byte luma, byte blue, byte red)
    {
        if (blue != red || (blue >> 4) == 0 || (blue & 15) == 0)
        {
            return "other";
        }

        var (across, acrossRest) = Math.DivRem(luma >> 4, blue >> 4);
        var (down, downRest) = Math.DivRem(luma & 15, blue & 15);
        return (acrossRest + downRest == 0 ? (across, down) : default) switch
        {
            (1, 1) => "4:4:4",
            (1, 2) => "4:4:0",
            (2, 1) => "4:2:2",
            (2, 2) => "4:2:0",
            (4, 1) => "4:1:1",
            (4, 2) => "4:1:0",
            _ => "other",
        };
    }
}

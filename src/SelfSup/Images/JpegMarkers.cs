using System.Buffers.Binary;

using SelfSup.Images.Jpeg;

namespace SelfSup.Images;

/// <summary>The marker structure of a JPEG file (ITU-T T.81, annex B), without its content.</summary>
internal static class JpegMarkers
{
    private const byte StartOfScan = 0xDA;
    private const byte EndOfImage = 0xD9;

    /// <summary>
    /// Whether a JPEG that needs several scans ends before its end marker. The decoder makes of such a file an image
    /// of less detail and reports no error; a file with a single scan it checks itself.
    /// </summary>
    public static bool AreCutOff(ReadOnlySpan<byte> file)
    {
        var rest = file[2..]; // behind the start of image
        var components = 0;
        while (NextMarker(ref rest, out var marker))
        {
            if (marker == EndOfImage)
            {
                return false;
            }

            if (rest.Length < 2 || BinaryPrimitives.ReadUInt16BigEndian(rest) is var length && length > rest.Length)
            {
                return true;
            }

            var segment = rest[..length];
            if (IsStartOfFrame(marker) && segment.Length > 7)
            {
                components = segment[7];
            }

            var oneScan = marker == StartOfScan && segment.Length > 2 && segment[2] == components;
            if (oneScan && segment[^1] == 0 && segment[^2] == 63)
            {
                return false; // All components and all 64 coefficients: there is no other scan.
            }

            rest = rest[length..];
        }

        return true;
    }

    /// <summary>
    /// Whether the end marker of the image itself is there, behind at least one scan: not that of a thumbnail among its segments. What
    /// comes behind it does not matter, such as the film of a motion photo.
    /// </summary>
    public static bool HaveEnd(ReadOnlySpan<byte> file)
    {
        var rest = file[2..];
        var scans = 0;
        while (NextMarker(ref rest, out var marker))
        {
            if (marker == EndOfImage)
            {
                return scans > 0;
            }

            if (rest.Length < 2 || BinaryPrimitives.ReadUInt16BigEndian(rest) is var length && length > rest.Length)
            {
                return false;
            }

            scans += marker == StartOfScan ? 1 : 0;
            rest = rest[length..];
        }

        return false;
    }

    /// <summary>
    /// Whether the scans of a JPEG visit its blocks more often than encoders make them: the library has no such limit.
    /// </summary>
    public static bool HaveTooManyScans(ReadOnlySpan<byte> file)
    {
        var rest = file[2..];
        ScanBudget? budget = null;
        while (NextMarker(ref rest, out var marker) && marker != EndOfImage)
        {
            if (rest.Length < 2 || BinaryPrimitives.ReadUInt16BigEndian(rest) is var length && length > rest.Length)
            {
                return false;
            }

            var segment = rest[..length];
            if (budget is null && IsStartOfFrame(marker) && segment.Length > 7)
            {
                budget = new ScanBudget(segment[7]); // as if components had a block each
            }

            if (marker == StartOfScan && segment.Length > 5 && budget is { } left)
            {
                if (!left.Take(segment[2], segment[^3], Math.Max(segment[^3], segment[^2])))
                {
                    return true;
                }

                budget = left;
            }

            rest = rest[length..];
        }

        return false;
    }

    private static bool IsStartOfFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    /// <summary>Moves behind the next marker that is no part of entropy-coded data.</summary>
    private static bool NextMarker(ref ReadOnlySpan<byte> rest, out byte marker)
    {
        while (rest.IndexOf((byte)0xFF) is >= 0 and var at && at + 1 < rest.Length)
        {
            marker = rest[at + 1];
            // 0 is a stuffed byte, D0 to D7 restart the decoder within a scan, FF fills.
            var fill = marker == 0xFF;
            rest = rest[(at + (fill ? 1 : 2))..];
            if (!fill && marker is not (0 or 1 or >= 0xD0 and <= 0xD7))
            {
                return true;
            }
        }

        marker = 0;
        return false;
    }
}

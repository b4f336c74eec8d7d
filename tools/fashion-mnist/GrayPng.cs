using System.Buffers.Binary;
using System.IO.Compression;

namespace SelfSup.Tools.FashionMnist;

/// <summary>
/// Encodes 8-bit gray PNG (ISO/IEC 15948) as small as five row filters and deflate allow. Tiny images are mostly
/// headers: general encoders add chunks that these do not need.
/// </summary>
internal static class GrayPng
{
    private const int Filters = 5; // none, sub, up, average, Paeth
    private const int Adaptive = Filters; // the filter with the smallest sum of absolute differences in each row

    /// <param name="pixels">[height, width].</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height)
    {
        byte[]? smallest = null;
        for (var strategy = 0; strategy <= Adaptive; strategy++)
        {
            var deflated = Deflate(Filter(pixels, width, height, strategy));
            smallest = smallest is null || deflated.Length < smallest.Length ? deflated : smallest;
        }

        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        header[8] = 8; // bits; colour type 0 (gray), default compression and filters, not interlaced
        header[9..].Clear();

        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(png, "IHDR"u8, header);
        WriteChunk(png, "IDAT"u8, smallest);
        WriteChunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    /// <summary>The rows, each behind the number of its filter: [height, 1 + width].</summary>
    private static byte[] Filter(ReadOnlySpan<byte> pixels, int width, int height, int strategy)
    {
        var rows = new byte[height * (1 + width)];
        var candidate = new byte[1 + width];
        for (var y = 0; y < height; y++)
        {
            var target = rows.AsSpan(y * (1 + width), 1 + width);
            var row = pixels.Slice(y * width, width);
            var above = y == 0 ? [] : pixels.Slice((y - 1) * width, width);
            var smallest = int.MaxValue;
            for (var filter = 0; filter < Filters; filter++)
            {
                if (strategy == filter || strategy == Adaptive)
                {
                    candidate[0] = (byte)filter;
                    for (var x = 0; x < width; x++)
                    {
                        candidate[1 + x] = (byte)(row[x] - Predict(row, above, x, filter));
                    }

                    var sum = candidate.Skip(1).Sum(value => Math.Abs((int)(sbyte)value));
                    if (sum < smallest)
                    {
                        smallest = sum;
                        candidate.CopyTo(target);
                    }
                }
            }
        }

        return rows;
    }

    private static int Predict(ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int x, int filter)
    {
        int left = x == 0 ? 0 : row[x - 1];
        int up = above.IsEmpty ? 0 : above[x];
        int corner = above.IsEmpty || x == 0 ? 0 : above[x - 1];
        return filter switch
        {
            1 => left,
            2 => up,
            3 => (left + up) / 2,
            4 => Paeth(left, up, corner),
            _ => 0,
        };
    }

    private static int Paeth(int left, int up, int corner)
    {
        var guess = left + up - corner;
        var (toLeft, toUp, toCorner) = (Math.Abs(guess - left), Math.Abs(guess - up), Math.Abs(guess - corner));
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }

    private static byte[] Deflate(byte[] rows)
    {
        using var deflated = new MemoryStream();
        using (var zlib = new ZLibStream(deflated, CompressionLevel.SmallestSize))
        {
            zlib.Write(rows);
        }

        return deflated.ToArray();
    }

    private static void WriteChunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        png.Write(number);
        png.Write(type);
        png.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(data, Crc(type, ~0u)));
        png.Write(number);
    }

    /// <summary>The cyclic redundancy check of PNG chunks, polynomial 0xEDB88320.</summary>
    private static uint Crc(ReadOnlySpan<byte> data, uint crc)
    {
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
            }
        }

        return crc;
    }
}

using System.Buffers.Binary;

namespace SelfSup.Images.Jpeg;

/// <summary>The tables that a JPEG file has defined so far; scans and components name them by number, 0 to 3.</summary>
internal sealed class JpegTables
{
    private readonly int[][] _quantization = [new int[64], new int[64], new int[64], new int[64]];
    private readonly bool[] _isDefined = new bool[4];

    /// <summary>The tables of DC differences.</summary>
    public HuffmanTable[] Dc { get; } = [new(), new(), new(), new()];

    /// <summary>The tables of AC coefficients.</summary>
    public HuffmanTable[] Ac { get; } = [new(), new(), new(), new()];

    /// <summary>Forgets the tables of the file before.</summary>
    public void Clear()
    {
        _isDefined.AsSpan().Clear();
        for (var i = 0; i < 4; i++)
        {
            Dc[i].IsDefined = Ac[i].IsDefined = false;
        }
    }

    /// <summary>The factors of the coefficients, [8, 8] in natural order.</summary>
    /// <exception cref="JpegException">There is no such table.</exception>
    public ReadOnlySpan<int> Quantization(int table) => _isDefined[table]
        ? _quantization[table]
        : throw JpegException.Damaged("a quantization table is missing");

    /// <summary>Takes quantization tables (B.2.4.1).</summary>
    /// <exception cref="JpegException">The segment is damaged.</exception>
    public void ReadQuantization(ReadOnlySpan<byte> segment)
    {
        while (!segment.IsEmpty)
        {
            var (wide, table) = (segment[0] >> 4 != 0, segment[0] & 15);
            var length = wide ? 129 : 65;
            if (table > 3 || segment.Length < length)
            {
                throw JpegException.Damaged("a quantization table");
            }

            for (var i = 0; i < 64; i++)
            {
                _quantization[table][Zigzag.Order[i]] =
                    wide ? BinaryPrimitives.ReadUInt16BigEndian(segment[(1 + (2 * i))..]) : segment[1 + i];
            }

            _isDefined[table] = true;
            segment = segment[length..];
        }
    }

    /// <summary>Takes Huffman tables (B.2.4.2).</summary>
    /// <exception cref="JpegException">The segment is damaged.</exception>
    public void ReadHuffman(ReadOnlySpan<byte> segment)
    {
        while (segment.Length >= 17)
        {
            var (kind, table) = (segment[0] >> 4, segment[0] & 15);
            var counts = segment.Slice(1, 16);
            var total = 0;
            foreach (var count in counts)
            {
                total += count;
            }

            if (kind > 1 || table > 3 || total > 256 || segment.Length < 17 + total)
            {
                throw JpegException.Damaged("a Huffman table");
            }

            (kind == 0 ? Dc : Ac)[table].Define(counts, segment.Slice(17, total));
            segment = segment[(17 + total)..];
        }
    }
}

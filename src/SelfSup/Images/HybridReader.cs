using System.Buffers.Binary;

namespace SelfSup.Images;

/// <summary>
/// Small numbers in Parquet's mixture of repeated values and packed bits, in which levels and positions in a
/// dictionary are written.
/// </summary>
/// <param name="bytes">What is read; more may follow than is asked for.</param>
/// <param name="width">Bits of a number, 0 to 32.</param>
internal ref struct HybridReader(ReadOnlySpan<byte> bytes, int width)
{
    private ThriftReader _bytes = new(bytes, "a page");
    private ReadOnlySpan<byte> _packed;
    private long _bit;
    private ulong _left;
    private uint _repeated;

    /// <exception cref="InvalidDataException">The numbers have ended.</exception>
    public uint Next()
    {
        while (_left == 0)
        {
            Begin();
        }

        _left--;
        return _packed.IsEmpty ? _repeated : Unpack();
    }

    private void Begin()
    {
        var header = _bytes.Number();
        if ((header & 1) == 1)
        {
            // Some writers cut off the bits that only fill up the last group.
            var groups = header >> 1;
            var length = width == 0 ? 0 : Math.Min(groups, (ulong)(_bytes.Left / width) + 1) * (ulong)width;
            _packed = _bytes.Take(Math.Min(length, (ulong)_bytes.Left));
            (_bit, _repeated) = (0, 0);
            _left = width == 0 ? groups * 8 : Math.Min(groups * 8, (ulong)_packed.Length * 8 / (ulong)width);
        }
        else
        {
            Span<byte> value = stackalloc byte[4];
            value.Clear();
            _bytes.Take((ulong)(width + 7) / 8).CopyTo(value);
            _packed = [];
            _repeated = BinaryPrimitives.ReadUInt32LittleEndian(value);
            _left = header >> 1;
        }
    }

    private uint Unpack()
    {
        Span<byte> window = stackalloc byte[8];
        window.Clear();
        var first = (int)(_bit >> 3);
        _packed.Slice(first, Math.Min(5, _packed.Length - first)).CopyTo(window);
        var value = BinaryPrimitives.ReadUInt64LittleEndian(window) >> (int)(_bit & 7);
        _bit += width;
        return (uint)(value & ((1UL << width) - 1));
    }
}

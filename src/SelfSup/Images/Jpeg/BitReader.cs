using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// The bits of one entropy-coded segment, byte stuffing removed. The next bits lie at the top of <see cref="Bits"/>.
/// Reading beyond the end is noticed afterwards (<see cref="CheckEnd"/>), not at every bit: behind the data there are
/// at least <see cref="Padding"/> readable bytes, and no block takes more than half of them.
/// </summary>
internal unsafe struct BitReader
{
    /// <summary>Readable bytes behind the data. An MCU is ten blocks of 64 symbols of at most 31 bits, 2,480 bytes.</summary>
    public const int Padding = 4096;

    public ulong Bits;
    public int Count;
    public byte* Next;
    private byte* _end;

    /// <summary>Begins a segment.</summary>
    public void Start(byte* data, byte* end)
    {
        (Bits, Count) = (0, 0);
        Next = data;
        _end = end;
    }

    /// <summary>Makes sure that 32 bits are there, enough for a code and its magnitude.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fill()
    {
        if (Count < 32)
        {
            Bits |= BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(Next)) >> Count;
            Next += (63 - Count) >> 3;
            Count |= 56;
        }
    }

    /// <summary>Takes up to 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Take(int count)
    {
        Fill();
        var value = (int)((Bits >> 1) >> (63 - count));
        Bits <<= count;
        Count -= count;
        return value;
    }

    /// <summary>Takes a Huffman symbol.</summary>
    /// <exception cref="JpegException">The bits are no code.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int TakeSymbol(HuffmanTable table)
    {
        Fill();
        int entry = table.Symbols[Bits >> (64 - HuffmanTable.LookupBits)];
        var (symbol, length) = (entry & 0xFF, entry >> 8);
        if (length == 0)
        {
            symbol = table.Find(Bits, out length);
        }

        Bits <<= length;
        Count -= length;
        return symbol;
    }

    /// <summary>Takes a number of so many bits as T.81 writes it (F.2.2.1, EXTEND): negative where it begins with 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int TakeSigned(int size)
    {
        var value = Take(size);
        return size == 0 || value >= 1 << (size - 1) ? value : value - (1 << size) + 1;
    }

    /// <summary>Throws where more bits were taken than the segment has.</summary>
    /// <exception cref="JpegException">The segment is too short.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void CheckEnd()
    {
        if (Next - (Count >> 3) > _end)
        {
            throw JpegException.Truncated();
        }
    }
}

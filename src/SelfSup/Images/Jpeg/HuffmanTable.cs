namespace SelfSup.Images.Jpeg;

/// <summary>
/// A Huffman table (ITU-T T.81, annex C) as lookups by the next bits of the stream. A code and the magnitude bits behind
/// it are taken in one step, without a branch on their length: an entry of <see cref="Steps"/> says how many bits the
/// two take together, so the next lookup waits for nothing but this one.
/// </summary>
internal sealed unsafe class HuffmanTable
{
    /// <summary>Longer codes are rare (under 1 % of the symbols of photographs) and are found by length.</summary>
    public const int LookupBits = 10;

    /// <summary>The flag of a step whose code is longer than the lookup, or no code at all.</summary>
    public const uint LongCode = 0x8000_0000;

    /// <summary>How far an end of block moves in the zigzag order: beyond every coefficient.</summary>
    public const int EndOfBlock = 128;

    private const int LongestCode = 16;

    private readonly PinnedBuffer<uint> _steps = new();
    private readonly PinnedBuffer<ushort> _symbols = new();
    private readonly int[] _largestCode = new int[LongestCode + 1];
    private readonly int[] _valueOffset = new int[LongestCode + 1];
    private readonly byte[] _values = new byte[256];

    public HuffmanTable()
    {
        _steps.Reserve(1 << LookupBits);
        _symbols.Reserve(1 << LookupBits);
    }

    /// <summary>Whether the file has defined the table.</summary>
    public bool IsDefined { get; set; }

    /// <summary>
    /// By the next <see cref="LookupBits"/> bits: bits 0 to 7 the length of code and magnitude together, 8 to 15 the
    /// length of the code, 16 to 23 the steps in zigzag order (AC), 24 to 30 the number of magnitude bits.
    /// </summary>
    public uint* Steps => _steps.Pointer;

    /// <summary>By the next <see cref="LookupBits"/> bits: the code's length times 256, plus its symbol; 0 for none.</summary>
    public ushort* Symbols => _symbols.Pointer;

    /// <summary>Takes a table from the file.</summary>
    /// <param name="counts">How many codes there are of each length, 1 to 16.</param>
    /// <param name="values">The symbols in the order of their codes.</param>
    /// <param name="isAc">Whether symbols are run and size, or sizes of DC differences.</param>
    /// <exception cref="JpegException">No prefix code has so many codes of these lengths.</exception>
    public void Define(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> values, bool isAc)
    {
        IsDefined = false;
        _values.AsSpan().Clear();
        values.CopyTo(_values);
        new Span<uint>(Steps, 1 << LookupBits).Fill(LongCode);
        new Span<ushort>(Symbols, 1 << LookupBits).Clear();
        var (code, next) = (0, 0);
        for (var length = 1; length <= LongestCode; length++)
        {
            var count = counts[length - 1];
            if (code + count > 1 << length)
            {
                throw JpegException.Damaged("a Huffman table has too many codes");
            }

            _valueOffset[length] = next - code;
            _largestCode[length] = count > 0 ? code + count - 1 : -1;
            for (var i = 0; i < count; i++, code++, next++)
            {
                if (!isAc && values[next] > 15)
                {
                    throw JpegException.Damaged("a Huffman table has a size that no difference has");
                }

                if (length <= LookupBits)
                {
                    var (first, room) = (code << (LookupBits - length), 1 << (LookupBits - length));
                    new Span<uint>(Steps + first, room).Fill(Step(length, values[next], isAc));
                    new Span<ushort>(Symbols + first, room).Fill((ushort)((length << 8) | values[next]));
                }
            }

            code <<= 1;
        }

        IsDefined = true;
    }

    /// <summary>The step of a code that <see cref="Steps"/> does not hold.</summary>
    /// <param name="bits">The stream's next bits, the first one highest.</param>
    /// <param name="isAc">Whether the table is one of AC symbols.</param>
    /// <exception cref="JpegException">The bits are no code.</exception>
    public uint FindStep(ulong bits, bool isAc)
    {
        var symbol = Find(bits, out var length);
        return Step(length, symbol, isAc);
    }

    /// <summary>The symbol of a code of any length.</summary>
    /// <exception cref="JpegException">The bits are no code.</exception>
    public int Find(ulong bits, out int length)
    {
        for (length = 1; length <= LongestCode; length++)
        {
            var code = (int)(bits >> (64 - length));
            if (code <= _largestCode[length])
            {
                return _values[(code + _valueOffset[length]) & 0xFF];
            }
        }

        throw JpegException.Damaged("bits that are no Huffman code");
    }

    private static uint Step(int length, int symbol, bool isAc)
    {
        var size = isAc ? symbol & 15 : symbol;
        var run = isAc ? symbol >> 4 : 0;
        // Sixteen zeros are a run of fifteen and a coefficient that is zero; other symbols without size end the block.
        var advance = isAc && size == 0 && run < 15 ? EndOfBlock : run + 1;
        return (uint)(length + size) | ((uint)length << 8) | ((uint)advance << 16) | ((uint)size << 24);
    }
}

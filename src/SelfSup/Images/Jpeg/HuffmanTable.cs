namespace SelfSup.Images.Jpeg;

/// <summary>
/// A Huffman table (ITU-T T.81, annex C) as lookups by the next bits of the stream. A <see cref="HuffmanStep"/> takes a
/// whole symbol with its magnitude and, where the bits reach that far, the next symbol: decoding is a chain of lookups
/// that wait for each other, so what counts is how many there are.
/// </summary>
internal sealed unsafe class HuffmanTable
{
    /// <summary>Longer codes are rare (under 1 % of the symbols of photographs) and are found by length.</summary>
    public const int LookupBits = 10;

    private const int LongestCode = 16;

    private readonly PinnedBuffer<ulong> _steps = new();
    private readonly PinnedBuffer<ushort> _symbols = new();
    private readonly int[] _largestCode = new int[LongestCode + 1];
    private readonly int[] _valueOffset = new int[LongestCode + 1];
    private readonly byte[] _counts = new byte[LongestCode];
    private readonly byte[] _values = new byte[256];
    private bool _isBuilt;

    public HuffmanTable()
    {
        _steps.Reserve(1 << LookupBits);
        _symbols.Reserve(1 << LookupBits);
    }

    /// <summary>Whether the current file has defined the table.</summary>
    public bool IsDefined { get; set; }

    /// <summary>By the next <see cref="LookupBits"/> bits: a <see cref="HuffmanStep"/>, 0 where the code is longer.</summary>
    public ulong* Steps => _steps.Pointer;

    /// <summary>By the next <see cref="LookupBits"/> bits: the code's length times 256, plus its symbol; 0 for none.</summary>
    public ushort* Symbols => _symbols.Pointer;

    /// <summary>Takes a table from the file.</summary>
    /// <param name="counts">How many codes there are of each length, 1 to 16.</param>
    /// <param name="values">The symbols in the order of their codes.</param>
    public void Define(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> values)
    {
        IsDefined = true;
        // Most encoders write the tables that the standard proposes, so this is often the table of the file before.
        if (!counts.SequenceEqual(_counts) || !values.SequenceEqual(_values.AsSpan(0, values.Length)))
        {
            _isBuilt = false;
            counts.CopyTo(_counts);
            _values.AsSpan().Clear();
            values.CopyTo(_values);
        }
    }

    /// <summary>Makes the lookups, when a scan is to use them: a file can define thousands of tables.</summary>
    /// <param name="isAc">Whether symbols are run and size, or sizes of DC differences; always the same of a table.</param>
    /// <exception cref="JpegException">No prefix code has so many codes of these lengths.</exception>
    public void Build(bool isAc)
    {
        if (!_isBuilt)
        {
            BuildSymbols(isAc);
            BuildSteps(isAc);
            _isBuilt = true;
        }
    }

    /// <summary>The step of a code that <see cref="Steps"/> does not hold: one symbol.</summary>
    /// <param name="bits">The stream's next bits, the first one highest.</param>
    /// <param name="isAc">Whether the table is one of AC symbols.</param>
    /// <exception cref="JpegException">The bits are no code.</exception>
    public ulong FindStep(ulong bits, bool isAc)
    {
        var symbol = Find(bits, out var length);
        return HuffmanStep.One(length, symbol, isAc);
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

    private void BuildSymbols(bool isAc)
    {
        _symbols.Span(1 << LookupBits).Clear();
        var (code, next) = (0, 0);
        for (var length = 1; length <= LongestCode; length++)
        {
            var count = _counts[length - 1];
            if (code + count > 1 << length)
            {
                throw JpegException.Damaged("a Huffman table has too many codes");
            }

            _valueOffset[length] = next - code;
            _largestCode[length] = count > 0 ? code + count - 1 : -1;
            for (var i = 0; i < count; i++, code++, next++)
            {
                if (!isAc && _values[next] > 15)
                {
                    throw JpegException.Damaged("a Huffman table has a size that no difference has");
                }

                if (length <= LookupBits)
                {
                    _symbols.Span(1 << LookupBits)
                        .Slice(code << (LookupBits - length), 1 << (LookupBits - length))
                        .Fill((ushort)((length << 8) | _values[next]));
                }
            }

            code <<= 1;
        }
    }

    /// <summary>
    /// Fills in the steps. Files often come with tables of their own, so this is done for each: what depends on the first
    /// symbol only is computed once for all bits that begin with it.
    /// </summary>
    private void BuildSteps(bool isAc)
    {
        const int Mask = (1 << LookupBits) - 1;
        var steps = _steps.Span(1 << LookupBits);
        var symbols = _symbols.Span(1 << LookupBits);
        for (var bits = 0; bits < steps.Length;)
        {
            var (length, symbol) = (symbols[bits] >> 8, symbols[bits] & 0xFF);
            var end = bits + (1 << (LookupBits - length));
            if (length == 0)
            {
                steps[bits..].Clear(); // The codes that are longer come last.
                return;
            }

            var size = symbol & 15;
            var taken = length + size;
            var one = HuffmanStep.One(length, symbol, isAc);
            if (!isAc || HuffmanStep.EndsBlock(symbol) || taken >= LookupBits)
            {
                steps[bits..end].Fill(one);
                bits = end;
                continue;
            }

            var left = LookupBits - taken;
            for (; bits < end; bits++)
            {
                // The bits that are left, filled up with zeros, name a symbol if its code is no longer than they are.
                int second = symbols[(bits << taken) & Mask];
                var magnitude = (bits >> left) & ((1 << size) - 1);
                steps[bits] = second != 0 && second >> 8 <= left
                    ? HuffmanStep.Two(length, symbol, magnitude, second >> 8, second & 0xFF)
                    : one;
            }
        }
    }
}

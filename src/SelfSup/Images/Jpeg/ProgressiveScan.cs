using System.Runtime.CompilerServices;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// One scan of a file that has several: entropy decoding into the coefficients of the whole image (ITU-T T.81, G.1.2 and
/// G.2 for progressive files; a sequential scan of some of the components is the same with all coefficients at once).
/// </summary>
internal static unsafe class ProgressiveScan
{
    private enum Kind
    {
        Sequential,
        DcFirst,
        DcRefine,
        AcFirst,
        AcRefine,
    }

    /// <summary>Decodes a scan.</summary>
    /// <exception cref="JpegException">The data are damaged.</exception>
    public static void Read(JpegHeader header, EntropyData data)
    {
        var kind = (header.IsProgressive, header.SpectralStart, header.ApproximationHigh) switch
        {
            (false, _, _) => Kind.Sequential,
            (_, 0, 0) => Kind.DcFirst,
            (_, 0, _) => Kind.DcRefine,
            (_, _, 0) => Kind.AcFirst,
            _ => Kind.AcRefine,
        };
        var state = new State(header, data, kind);
        if (header.Scan.Length == 1)
        {
            // A scan of one component has no MCUs: its blocks come row by row, none beyond the image.
            var component = header.Scan[0];
            for (var y = 0; y < component.Blocks.Height; y++)
            {
                for (var x = 0; x < component.Blocks.Width; x++)
                {
                    state.NextUnit();
                    state.ReadBlock(component, component.Block(y, x));
                }

                state.CheckEnd();
            }

            return;
        }

        for (var y = 0; y < header.Mcus.Height; y++)
        {
            for (var x = 0; x < header.Mcus.Width; x++)
            {
                state.NextUnit();
                foreach (var component in header.Scan)
                {
                    for (var down = 0; down < component.Vertical; down++)
                    {
                        var block = component.Block((y * component.Vertical) + down, x * component.Horizontal);
                        for (var across = 0; across < component.Horizontal; across++, block += 64)
                        {
                            state.ReadBlock(component, block);
                        }
                    }
                }
            }

            state.CheckEnd();
        }
    }

    /// <summary>Where a scan is.</summary>
    private ref struct State
    {
        private readonly JpegHeader _header;
        private readonly EntropyData _data;
        private readonly Kind _kind;
        private readonly byte* _zigzag;
        private BitReader _reader;
        private int _endOfBand; // blocks of the current run without further coefficients in this band
        private int _untilRestart;

        public State(JpegHeader header, EntropyData data, Kind kind)
        {
            (_header, _data, _kind) = (header, data, kind);
            _zigzag = Zigzag.Table;
            Restart();
        }

        public void NextUnit()
        {
            if (_untilRestart-- == 0)
            {
                Restart();
                _untilRestart--;
            }

            _reader.CheckEnd();
        }

        public readonly void CheckEnd() => _reader.CheckEnd();

        public void ReadBlock(JpegComponent component, short* block)
        {
            switch (_kind)
            {
                case Kind.Sequential:
                    ReadSequential(component, block);
                    break;
                case Kind.DcFirst:
                    component.Prediction += _reader.TakeSigned(_reader.TakeSymbol(component.Dc!));
                    block[0] = (short)(component.Prediction << _header.ApproximationLow);
                    break;
                case Kind.DcRefine:
                    block[0] |= (short)(_reader.Take(1) << _header.ApproximationLow);
                    break;
                case Kind.AcFirst:
                    ReadFirst(component.Ac!, block);
                    break;
                default:
                    Refine(component.Ac!, block);
                    break;
            }
        }

        private void Restart()
        {
            _reader.CheckEnd();
            _data.StartSegment(ref _reader);
            _untilRestart = _header.RestartInterval == 0 ? int.MaxValue : _header.RestartInterval;
            _endOfBand = 0;
            foreach (var component in _header.Scan)
            {
                component.Prediction = 0;
            }
        }

        [SkipLocalsInit]
        private void ReadSequential(JpegComponent component, short* block)
        {
            var room = stackalloc short[SequentialBlock.Room];
            new Span<short>(room, 64).Clear();
            SequentialBlock.Read(ref _reader, component, room, _zigzag);
            new ReadOnlySpan<short>(room, 64).CopyTo(new Span<short>(block, 64));
        }

        /// <summary>The first bits of a band of AC coefficients (G.1.2.2).</summary>
        private void ReadFirst(HuffmanTable table, short* block)
        {
            if (_endOfBand > 0)
            {
                _endOfBand--;
                return;
            }

            for (var k = _header.SpectralStart; k <= _header.SpectralEnd; k++)
            {
                var symbol = _reader.TakeSymbol(table);
                var (run, size) = (symbol >> 4, symbol & 15);
                if (size == 0)
                {
                    if (run < 15)
                    {
                        _endOfBand = (1 << run) - 1 + _reader.Take(run);
                        return;
                    }

                    k += 15;
                    continue;
                }

                k += run;
                var value = (short)(_reader.TakeSigned(size) << _header.ApproximationLow);
                if (k > 63)
                {
                    throw JpegException.Damaged("a block has too many coefficients");
                }

                block[_zigzag[k]] = value;
            }
        }

        /// <summary>One more bit of a band of AC coefficients (G.1.2.3).</summary>
        private void Refine(HuffmanTable table, short* block)
        {
            var bit = (short)(1 << _header.ApproximationLow);
            var k = _header.SpectralStart;
            if (_endOfBand == 0)
            {
                for (; k <= _header.SpectralEnd; k++)
                {
                    var symbol = _reader.TakeSymbol(table);
                    var (run, size) = (symbol >> 4, symbol & 15);
                    short value = 0;
                    if (size == 0 && run < 15)
                    {
                        _endOfBand = (1 << run) + _reader.Take(run);
                        break;
                    }

                    if (size != 0)
                    {
                        value = _reader.Take(1) != 0 ? bit : (short)-bit;
                    }

                    // The run counts coefficients that are still zero; those on the way get their bit.
                    for (; k <= _header.SpectralEnd; k++)
                    {
                        var coefficient = block + _zigzag[k];
                        if (*coefficient != 0)
                        {
                            RefineOne(coefficient, bit);
                        }
                        else if (run-- == 0)
                        {
                            *coefficient = value;
                            break;
                        }
                    }
                }
            }

            if (_endOfBand > 0)
            {
                for (; k <= _header.SpectralEnd; k++)
                {
                    var coefficient = block + _zigzag[k];
                    if (*coefficient != 0)
                    {
                        RefineOne(coefficient, bit);
                    }
                }

                _endOfBand--;
            }
        }

        private void RefineOne(short* coefficient, short bit)
        {
            if (_reader.Take(1) != 0 && (*coefficient & bit) == 0)
            {
                *coefficient += *coefficient > 0 ? bit : (short)-bit;
            }
        }
    }
}

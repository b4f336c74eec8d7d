using System.Buffers.Binary;

using SelfSup.Randomness;

namespace SelfSup.Tools.Fuzz;

/// <summary>
/// Damages image files: any file byte by byte, JPEG files also segment by segment, so that what comes out is often read
/// far beyond its header. A file and a seed always give the same bytes.
/// </summary>
internal sealed class FileMutator
{
    /// <summary>Mutated files do not become longer than this.</summary>
    private const int MostBytes = 4 << 20;

    private readonly List<byte> _bytes = [];
    private readonly List<(int Marker, int Start, int Length)> _segments = [];
    private CounterRandom _random;

    /// <summary>A damaged copy.</summary>
    /// <param name="file">The file.</param>
    /// <param name="other">Another one, whose parts may be put in.</param>
    /// <param name="seed">Chooses the damage.</param>
    public byte[] Mutate(ReadOnlySpan<byte> file, ReadOnlySpan<byte> other, long seed)
    {
        _random = new CounterRandom(0xF022, RandomPurpose.Selection, sample: seed);
        _bytes.Clear();
        _bytes.AddRange(file);
        for (var i = _random.NextInt(5) / 2; i >= 0 && _bytes.Count is > 8 and < MostBytes; i--)
        {
            FindSegments();
            if (_segments.Count > 2 && _random.Chance(0.7))
            {
                MutateJpeg(other);
            }
            else
            {
                MutateBytes(other);
            }
        }

        return [.. _bytes];
    }

    private void MutateBytes(ReadOnlySpan<byte> other)
    {
        switch (_random.NextInt(7))
        {
            case 0:
                for (var i = _random.NextInt(8); i >= 0; i--)
                {
                    _bytes[Position()] ^= (byte)(1 << _random.NextInt(8));
                }

                break;
            case 1:
                for (var i = _random.NextInt(8); i >= 0; i--)
                {
                    _bytes[Position()] = Value();
                }

                break;
            case 2:
                Truncate(_random.NextInt(_bytes.Count));
                break;
            case 3:
                var inserted = new byte[1 + _random.NextInt(64)];
                foreach (ref var value in inserted.AsSpan())
                {
                    value = Value();
                }

                _bytes.InsertRange(Position(), inserted);
                break;
            case 4:
                var from = Position();
                _bytes.RemoveRange(from, Math.Min(_bytes.Count - from, 1 + _random.NextInt(300)));
                break;
            case 5:
                var start = Position();
                var length = Math.Min(_bytes.Count - start, 1 + _random.NextInt(2000));
                _bytes.InsertRange(Position(), _bytes.GetRange(start, length));
                break;
            default:
                Truncate(Position());
                _bytes.AddRange(other[_random.NextInt(other.Length)..]);
                break;
        }
    }

    private void MutateJpeg(ReadOnlySpan<byte> other)
    {
        switch (_random.NextInt(16))
        {
            case 0:
                var copied = Segment();
                _bytes.InsertRange(Segment().Start, _bytes.GetRange(copied.Start, copied.Length));
                break;
            case 1:
                SwapSegments();
                break;
            case 2:
                var removed = Segment();
                _bytes.RemoveRange(removed.Start, removed.Length);
                break;
            case 3:
                SetSize();
                break;
            case 4:
                SetComponent();
                break;
            case 5:
                SetFrame();
                break;
            case 6:
            case 7:
                SetScan();
                break;
            case 8:
                SetTable(0xC4, 17);
                break;
            case 9:
                SetTable(0xDB, 0);
                break;
            case 10:
                SetRestartInterval();
                break;
            case 11:
                InsertRestartMarkers();
                break;
            case 12:
                RepeatScans();
                break;
            case 13:
                InsertSegment();
                break;
            case 14:
                _bytes.InsertRange(Segment().Start, SegmentOf(other));
                break;
            default:
                var scan = Segment(0xDA);
                Truncate(scan.Start + _random.NextInt(scan.Length));
                _bytes.AddRange([0xFF, 0xD9]);
                break;
        }
    }

    private void SwapSegments()
    {
        var (first, second) = (Segment(), Segment());
        if (first.Start > second.Start)
        {
            (first, second) = (second, first);
        }

        if (first.Start + first.Length <= second.Start)
        {
            var (a, b) = (_bytes.GetRange(first.Start, first.Length), _bytes.GetRange(second.Start, second.Length));
            _bytes.RemoveRange(second.Start, second.Length);
            _bytes.InsertRange(second.Start, a);
            _bytes.RemoveRange(first.Start, first.Length);
            _bytes.InsertRange(first.Start, b);
        }
    }

    private void SetSize()
    {
        var value = _random.NextInt(6) switch
        {
            0 => 0,
            1 => 1 + _random.NextInt(9),
            2 => 65500,
            3 => 65535,
            4 => 1 + _random.NextInt(2000),
            _ => 1 + _random.NextInt(65535),
        };
        Set16(Frame(), _random.Chance(0.5) ? 5 : 7, value);
        if (_random.Chance(0.3))
        {
            Set16(Frame(), 5, 3000 + _random.NextInt(1000));
            Set16(Frame(), 7, 3000 + _random.NextInt(1000));
        }
    }

    private void SetComponent()
    {
        var frame = Frame();
        for (var i = _random.NextInt(3); i >= 0; i--)
        {
            var part = 10 + (3 * _random.NextInt(4));
            switch (_random.NextInt(4))
            {
                case 0:
                    Set(frame, part, _random.NextInt(6)); // its name
                    break;
                case 1:
                    Set(frame, part + 2, _random.NextInt(6)); // its quantization table
                    break;
                default:
                    Set(frame, part + 1, ((1 + _random.NextInt(4)) << 4) | (1 + _random.NextInt(4)));
                    break;
            }
        }
    }

    private void SetFrame()
    {
        var frame = Frame();
        switch (_random.NextInt(3))
        {
            case 0:
                Set(frame, 1, 0xC0 + _random.NextInt(16));
                break;
            case 1:
                Set(frame, 4, _random.Chance(0.5) ? 12 : Value());
                break;
            default:
                Set(frame, 9, _random.NextInt(6));
                break;
        }
    }

    private void SetScan()
    {
        var scan = Segment(0xDA);
        var count = scan.Length > 4 ? _bytes[scan.Start + 4] : 1;
        switch (_random.NextInt(6))
        {
            case 0:
                Set(scan, 4, _random.NextInt(6));
                break;
            case 1:
                Set(scan, 5 + (2 * _random.NextInt(4)), _random.NextInt(6));
                break;
            case 2:
                Set(scan, 6 + (2 * _random.NextInt(4)), (_random.NextInt(5) << 4) | _random.NextInt(5));
                break;
            case 3:
                Set(scan, 5 + (2 * count), _random.NextInt(66));
                break;
            case 4:
                Set(scan, 6 + (2 * count), _random.NextInt(66));
                break;
            default:
                Set(scan, 7 + (2 * count), (_random.NextInt(16) << 4) | _random.NextInt(16));
                break;
        }
    }

    private void SetTable(int marker, int counts)
    {
        var table = Segment(marker);
        for (var i = _random.NextInt(6); i >= 0; i--)
        {
            var reach = counts > 0 && _random.Chance(0.5) ? counts : table.Length;
            Set(table, 4 + _random.NextInt(reach), _random.Chance(0.5) ? _random.NextInt(17) : Value());
        }

        if (_random.Chance(0.4))
        {
            // Between scans it is a new definition.
            _bytes.InsertRange(Segment(0xDA).Start, _bytes.GetRange(table.Start, table.Length));
        }
    }

    private void SetRestartInterval()
    {
        var interval = _random.Chance(0.5) ? _random.NextInt(4) : _random.NextInt(65536);
        _bytes.InsertRange(
            Segment(0xDA).Start, [0xFF, 0xDD, 0, 4, (byte)(interval >> 8), (byte)interval]);
    }

    private void InsertRestartMarkers()
    {
        var scan = Segment(0xDA);
        var count = _random.Chance(0.3) ? 1 + _random.NextInt(5000) : 1 + _random.NextInt(9);
        var first = _random.NextInt(8);
        var markers = new byte[2 * count];
        for (var i = 0; i < count; i++)
        {
            (markers[2 * i], markers[(2 * i) + 1]) = (0xFF, (byte)(0xD0 + ((first + i) & 7)));
        }

        if (_random.Chance(0.5))
        {
            SetRestartInterval();
            scan = Segment(0xDA);
        }

        _bytes.InsertRange(scan.Start + _random.NextInt(scan.Length), markers);
    }

    private void RepeatScans()
    {
        var scan = Segment(0xDA);
        var content = _bytes.GetRange(scan.Start, scan.Length);
        if (_random.Chance(0.5))
        {
            content.RemoveRange(Math.Min(content.Count, 20), content.Count - Math.Min(content.Count, 20));
        }

        var times = Math.Min(1 + _random.NextInt(300), MostBytes / content.Count);
        var repeated = new List<byte>(times * content.Count);
        for (var i = 0; i < times; i++)
        {
            repeated.AddRange(content);
        }

        _bytes.InsertRange(scan.Start + scan.Length, repeated);
    }

    private void InsertSegment()
    {
        var at = Segment().Start;
        switch (_random.NextInt(4))
        {
            case 0:
                var content = new byte[_random.NextInt(2) == 0 ? 65531 : _random.NextInt(200)];
                content.AsSpan().Fill(Value());
                _bytes.InsertRange(
                    at, [0xFF, (byte)(0xE0 + _random.NextInt(16)), (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2), .. content]);
                break;
            case 1:
                _bytes.InsertRange(at, Enumerable.Repeat((byte)0xFF, 1 + _random.NextInt(50)));
                break;
            case 2:
                _bytes.InsertRange(at, [.. "Adobe"u8, Value(), Value()]);
                break;
            default:
                _bytes.InsertRange(
                    at, [0xFF, 0xEE, 0, 14, .. "Adobe"u8, 0, 100, 0, 0, 0, 0, (byte)_random.NextInt(4)]);
                break;
        }
    }

    /// <summary>The segments of the file as it is now; that of a scan holds its data.</summary>
    private void FindSegments()
    {
        _segments.Clear();
        var at = 2;
        if (_bytes[0] != 0xFF || _bytes[1] != 0xD8)
        {
            return;
        }

        while (at + 4 <= _bytes.Count && _bytes[at] == 0xFF)
        {
            var marker = _bytes[at + 1];
            var end = at + 2 + ((_bytes[at + 2] << 8) | _bytes[at + 3]);
            if (marker == 0xDA)
            {
                while (end + 1 < _bytes.Count
                    && (_bytes[end] != 0xFF || _bytes[end + 1] is 0 or (>= 0xD0 and <= 0xD7)))
                {
                    end++;
                }
            }

            if (marker == 0xD9 || end > _bytes.Count)
            {
                break;
            }

            _segments.Add((marker, at, end - at));
            at = end;
        }
    }

    private (int Marker, int Start, int Length) Segment() => _segments[_random.NextInt(_segments.Count)];

    /// <summary>One of a kind; any where there is none.</summary>
    private (int Marker, int Start, int Length) Segment(int marker)
    {
        FindSegments();
        var some = _segments.Where(segment => segment.Marker == marker).ToList();
        return some.Count > 0 ? some[_random.NextInt(some.Count)] : Segment();
    }

    private (int Marker, int Start, int Length) Frame() =>
        _segments.Find(segment => segment.Marker is 0xC0 or 0xC1 or 0xC2) is { Length: > 0 } frame ? frame : Segment();

    /// <summary>A segment of another JPEG file, or some bytes of another file.</summary>
    private byte[] SegmentOf(ReadOnlySpan<byte> other)
    {
        for (var at = 2 + _random.NextInt(Math.Max(1, other.Length - 2)); at + 4 < other.Length; at++)
        {
            if (other[at] == 0xFF && other[at + 1] is >= 0xC0 and not (0xFF or (>= 0xD0 and <= 0xD9)))
            {
                var length = 2 + BinaryPrimitives.ReadUInt16BigEndian(other[(at + 2)..]);
                return other.Slice(at, Math.Min(length, other.Length - at)).ToArray();
            }
        }

        return other[..Math.Min(other.Length, 100)].ToArray();
    }

    private void Set((int Marker, int Start, int Length) segment, int offset, int value)
    {
        if (offset < segment.Length)
        {
            _bytes[segment.Start + offset] = (byte)value;
        }
    }

    private void Set16((int Marker, int Start, int Length) segment, int offset, int value)
    {
        Set(segment, offset, value >> 8);
        Set(segment, offset + 1, value);
    }

    private void Truncate(int length) => _bytes.RemoveRange(length, _bytes.Count - length);

    /// <summary>Anywhere; often in the header, where the interesting fields are.</summary>
    private int Position() => _random.NextInt(_random.Chance(0.3) ? Math.Min(700, _bytes.Count) : _bytes.Count);

    private byte Value() => _random.NextInt(3) switch
    {
        0 => 0,
        1 => 0xFF,
        _ => (byte)_random.NextInt(256),
    };
}

using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// The entropy-coded data of one scan: copied without byte stuffing and cut at its restart markers, so that the decoder
/// need not look for markers.
/// </summary>
internal sealed unsafe class EntropyData
{
    /// <summary>Starts of segments that are kept between images: those of large photographs with frequent markers.</summary>
    private const int KeptSegments = 1 << 16;

    private readonly PinnedBuffer<byte> _data = new();
    private int[] _starts = new int[64];
    private int _segments;
    private int _next;
    private byte* _end;

    /// <summary>Takes a scan's data from the file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="start">Where the data begin, behind the header of the scan.</param>
    /// <returns>Where the next marker begins; the file's length where there is none.</returns>
    /// <exception cref="JpegException">Restart markers do not count up.</exception>
    public int Load(ReadOnlySpan<byte> file, int start)
    {
        var data = _data.Reserve((long)file.Length - start + BitReader.Padding);
        (_segments, _next) = (0, 0);
        Add(0);
        fixed (byte* bytes = file)
        {
            var source = bytes + start;
            var last = bytes + file.Length;
            var target = data;
            while (true)
            {
                CopyToMarker(ref source, last, ref target);
                if (last - source < 2)
                {
                    source = last; // A lone FF at the end says nothing.
                    break;
                }

                var marker = source[1];
                if (marker == 0)
                {
                    *target++ = 0xFF;
                    source += 2;
                }
                else if (marker == 0xFF)
                {
                    source++; // FF may be repeated before a marker.
                }
                else if (marker is >= 0xD0 and <= 0xD7)
                {
                    if (marker - 0xD0 != ((_segments - 1) & 7))
                    {
                        throw JpegException.Damaged("restart markers out of order");
                    }

                    Add((int)(target - data));
                    source += 2;
                }
                else
                {
                    break;
                }
            }

            _end = target;
            // Zeros are no long code in any table, so decoding beyond the end comes to its check.
            new Span<byte>(target, BitReader.Padding).Clear();
            return (int)(source - bytes);
        }
    }

    /// <summary>Begins the next segment, the first time the first one.</summary>
    /// <exception cref="JpegException">There is none.</exception>
    public void StartSegment(ref BitReader reader)
    {
        if (_next == _segments)
        {
            ThrowMissing();
        }

        var end = _next + 1 < _segments ? _data.Pointer + _starts[_next + 1] : _end;
        reader.Start(_data.Pointer + _starts[_next++], end);
    }

    /// <summary>Gives back memory beyond what is kept between images.</summary>
    public void Trim()
    {
        _data.Trim();
        if (_starts.Length > KeptSegments)
        {
            _starts = new int[KeptSegments];
        }
    }

    /// <summary>Copies up to the next FF, a vector at a time. More than is needed may be written behind it.</summary>
    private static void CopyToMarker(ref byte* source, byte* last, ref byte* target)
    {
        while (last - source >= Vector256<byte>.Count)
        {
            var bytes = Vector256.Load(source);
            bytes.Store(target);
            var marks = Vector256.Equals(bytes, Vector256<byte>.AllBitsSet).ExtractMostSignificantBits();
            var count = marks == 0 ? Vector256<byte>.Count : BitOperations.TrailingZeroCount(marks);
            source += count;
            target += count;
            if (marks != 0)
            {
                return;
            }
        }

        while (source < last && *source != 0xFF)
        {
            *target++ = *source++;
        }
    }

    private void Add(int start)
    {
        if (_segments == _starts.Length)
        {
            Array.Resize(ref _starts, 2 * _segments);
        }

        _starts[_segments++] = start;
    }

    [DoesNotReturn]
    private static void ThrowMissing() => throw JpegException.Damaged("restart markers are missing");
}

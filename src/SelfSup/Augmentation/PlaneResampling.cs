using System.Runtime.Intrinsics;

using SelfSup.Images;
using SelfSup.Tensors;

namespace SelfSup.Augmentation;

/// <summary>
/// Separable resampling of a plane of bytes. A few rows of the result are made at a time: source rows are combined
/// along memory, the strip is transposed, so that what has to be combined lies along memory again, and transposed
/// back. Values keep their range of 0..255.
/// </summary>
internal sealed unsafe class PlaneResampling
{
    private readonly PinnedBuffer<int> _starts = new(); // [output width]
    private readonly PinnedBuffer<float> _weights = new(); // [output width, taps]
    private readonly PinnedBuffer<float> _combined = new(); // [rows, width]
    private readonly PinnedBuffer<float> _turned = new(); // [width, rows]
    private readonly PinnedBuffer<float> _result = new(); // [output width, rows]

    private ResampleAxis _vertical;
    private ResampleAxis _horizontal;
    private int _tapCount;
    private int _low; // the first sample of a row that has a weight
    private int _width; // how many samples from there on have one

    /// <summary>Says how the planes of the next calls of <see cref="Run(byte*, nint, float*)"/> are resampled.</summary>
    /// <param name="vertical">How rows are combined.</param>
    /// <param name="horizontal">How columns are combined.</param>
    /// <remarks>
    /// Every column gets as many taps as the widest one has: branches that always go the same way are free, and a few
    /// multiplications by zero are not noticed. Taps that are added come first where there is nothing behind, so that
    /// however many there are, no sample is read that has no weight.
    /// </remarks>
    public void Prepare(in ResampleAxis vertical, in ResampleAxis horizontal)
    {
        (_vertical, _horizontal, _tapCount) = (vertical, horizontal, 0);
        (_low, var high) = horizontal.Reach();
        _width = high - _low;
        for (var i = 0; i < horizontal.Count; i++)
        {
            _tapCount = Math.Max(_tapCount, horizontal.Weights(i).Length);
        }

        var starts = _starts.Reserve(horizontal.Count);
        _weights.Reserve((long)horizontal.Count * _tapCount);
        var weights = _weights.Span(horizontal.Count * _tapCount);
        weights.Clear();
        for (var i = 0; i < horizontal.Count; i++)
        {
            var start = horizontal.Start(i) - _low;
            starts[i] = Math.Min(start, _width - _tapCount);
            horizontal.Weights(i).CopyTo(weights[((i * _tapCount) + start - starts[i])..]);
        }
    }

    /// <summary>Resamples a plane.</summary>
    /// <param name="origin">Where the sample (0, 0) is, or would be if it had been decoded. Behind each row, a vector must
    /// be readable.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    /// <param name="target">Takes the result, [H, W] of the two axes.</param>
    public void Run(byte* origin, nint stride, float* target)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Run<Floats16>(origin, stride, target);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Run<Floats8>(origin, stride, target);
        }
        else
        {
            Run<Floats4>(origin, stride, target);
        }
    }

    /// <inheritdoc cref="Run(byte*, nint, float*)"/>
    public void Run<TFloats>(byte* origin, nint stride, float* target)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var (vertical, horizontal) = (_vertical, _horizontal);
        var rows = Math.Max(Tile.Side, TFloats.Count);
        var width = _width;
        var room = (width + 63) & ~63;
        var combined = _combined.Reserve((long)rows * room);
        var turned = _turned.Reserve((long)rows * room);
        var result = _result.Reserve((long)rows * (horizontal.Count + Tile.Side));
        for (var top = 0; top < vertical.Count; top += rows)
        {
            var count = Math.Min(rows, vertical.Count - top);
            for (var row = 0; row < count; row++)
            {
                var source = origin + (vertical.Start(top + row) * stride) + _low;
                CombineRows<TFloats>(source, stride, vertical.Weights(top + row), combined + (row * room), width);
            }

            for (var row = 0; row < count; row += Tile.Side)
            {
                for (var x = 0; x < width; x += Tile.Side)
                {
                    Tile.Transpose(combined + (row * room) + x, room, turned + (x * rows) + row, rows);
                }
            }

            CombineColumns<TFloats>(
                turned, rows, _starts.Pointer, _weights.Pointer, _tapCount, result, horizontal.Count);
            WriteBack(result, rows, target + ((nint)top * horizontal.Count), count, horizontal.Count);
        }
    }

    private static void CombineRows<TFloats>(
        byte* source, nint stride, ReadOnlySpan<float> weights, float* sum, int width)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var size = TFloats.Count;
        for (var x = 0; x < width; x += 4 * size)
        {
            var row = source + x;
            var weight = TFloats.Create(weights[0]);
            var a = TFloats.LoadBytes(row) * weight;
            var b = TFloats.LoadBytes(row + size) * weight;
            var c = TFloats.LoadBytes(row + (2 * size)) * weight;
            var d = TFloats.LoadBytes(row + (3 * size)) * weight;
            for (var k = 1; k < weights.Length; k++)
            {
                row += stride;
                weight = TFloats.Create(weights[k]);
                a = TFloats.MultiplyAdd(TFloats.LoadBytes(row), weight, a);
                b = TFloats.MultiplyAdd(TFloats.LoadBytes(row + size), weight, b);
                c = TFloats.MultiplyAdd(TFloats.LoadBytes(row + (2 * size)), weight, c);
                d = TFloats.MultiplyAdd(TFloats.LoadBytes(row + (3 * size)), weight, d);
            }

            a.Store(sum + x);
            b.Store(sum + x + size);
            c.Store(sum + x + (2 * size));
            d.Store(sum + x + (3 * size));
        }
    }

    private static void CombineColumns<TFloats>(
        float* turned, int rows, int* starts, float* weights, int taps, float* result, int count)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        for (var row = 0; row < rows; row += TFloats.Count)
        {
            var weight = weights;
            for (var x = 0; x < count; x++, weight += taps)
            {
                var column = turned + (starts[x] * rows) + row;
                var sum = TFloats.Load(column) * TFloats.Create(*weight);
                for (var k = 1; k < taps; k++)
                {
                    column += rows;
                    sum = TFloats.MultiplyAdd(TFloats.Load(column), TFloats.Create(weight[k]), sum);
                }

                sum.Store(result + (x * rows) + row);
            }
        }
    }

    /// <summary>Writes a strip [width, rows] as rows of the target.</summary>
    private static void WriteBack(float* strip, int rows, float* target, int count, int width)
    {
        var tile = stackalloc float[Tile.Side * Tile.Side];
        for (var row = 0; row < count; row += Tile.Side)
        {
            for (var x = 0; x < width; x += Tile.Side)
            {
                var from = strip + (x * rows) + row;
                var to = target + ((nint)row * width) + x;
                if (row + Tile.Side <= count && x + Tile.Side <= width)
                {
                    Tile.Transpose(from, rows, to, width);
                    continue;
                }

                Tile.Transpose(from, rows, tile, Tile.Side);
                for (var i = 0; i < Math.Min(Tile.Side, count - row); i++)
                {
                    new ReadOnlySpan<float>(tile + (i * Tile.Side), Math.Min(Tile.Side, width - x))
                        .CopyTo(new Span<float>(to + ((nint)i * width), Tile.Side));
                }
            }
        }
    }
}

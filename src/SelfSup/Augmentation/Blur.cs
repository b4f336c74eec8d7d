using System.Runtime.Intrinsics;

using SelfSup.Images;
using SelfSup.Tensors;

namespace SelfSup.Augmentation;

/// <summary>
/// Gaussian blur at fixed parameters: weights exp(-x^2 / (2 sigma^2)) over an odd number of taps, normalised, the same
/// in both directions, with the image mirrored at its edges (the edge itself not repeated), as in torchvision. Colour
/// operations that follow, and the writing of the view, are done row by row while a strip of rows lies in the cache.
/// </summary>
internal sealed unsafe class Blur
{
    /// <summary>What is left out at the ends of the kernel: together under a hundredth of an 8-bit level.</summary>
    private const double Negligible = 1e-6;

    /// <summary>Floats behind a row that vectors and tiles may reach into.</summary>
    private const int Padding = 16;

    private readonly PinnedBuffer<float> _strip = new(); // [rows, W]: combined along the other direction
    private readonly PinnedBuffer<float> _turned = new(); // [W and mirrored columns on both sides, rows]
    private readonly PinnedBuffer<float> _result = new(); // [W, rows]
    private float[] _weights = [];

    /// <summary>Blurs the planes of a view, does the operations that wait, and writes it.</summary>
    /// <param name="planes">[3, H, W], with a readable vector behind it.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="kernel">The number of taps in each direction, odd.</param>
    /// <param name="sigma">Standard deviation of the Gaussian, in pixels.</param>
    /// <param name="colors">What follows; no operation that needs a mean.</param>
    /// <param name="target">Takes the view; other memory than the planes.</param>
    public void Run(
        float* planes, int height, int width, int kernel, double sigma, ColorPass colors, in ViewTarget target)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Run<Floats16>(planes, height, width, kernel, sigma, colors, target);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Run<Floats8>(planes, height, width, kernel, sigma, colors, target);
        }
        else
        {
            Run<Floats4>(planes, height, width, kernel, sigma, colors, target);
        }
    }

    /// <inheritdoc cref="Run(float*, int, int, int, double, ColorPass, in ViewTarget)"/>
    public void Run<TFloats>(
        float* planes, int height, int width, int kernel, double sigma, ColorPass colors, in ViewTarget target)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var radius = Weights(kernel, sigma);
        var weights = _weights.AsSpan(0, radius + 1);
        var before = stackalloc nint[radius + 1];
        var after = stackalloc nint[radius + 1];
        var rows = Math.Max(Tile.Side, TFloats.Count);
        var stride = (width + (2 * Padding)) & -Padding;
        var strip = _strip.Reserve((long)rows * stride);
        var turned = _turned.Reserve((long)rows * (stride + (2 * radius))) + (radius * rows);
        var result = _result.Reserve((long)rows * stride);
        colors.Rows(rows * stride, out var r, out var g, out var b);
        for (var top = 0; top < height; top += rows)
        {
            var count = Math.Min(rows, height - top);
            for (var channel = 0; channel < 3; channel++)
            {
                var plane = planes + ((nint)channel * height * width);
                for (var row = 0; row < count; row++)
                {
                    for (var k = 0; k <= radius; k++)
                    {
                        before[k] = (nint)Mirror(top + row - k, height) * width;
                        after[k] = (nint)Mirror(top + row + k, height) * width;
                    }

                    SumRows<TFloats>(plane, before, after, weights, strip + (row * stride), width);
                }

                Turn(strip, stride, turned, rows, count, width);
                for (var k = 1; k <= radius; k++)
                {
                    Copy(turned + (Mirror(-k, width) * rows), turned - (k * rows), rows);
                    Copy(turned + (Mirror(width - 1 + k, width) * rows), turned + ((width - 1 + k) * rows), rows);
                }

                SumColumns<TFloats>(turned, rows, weights, result, width);
                Turn(result, rows, channel == 0 ? r : channel == 1 ? g : b, stride, width, count);
            }

            for (var row = 0; row < count; row++)
            {
                var offset = row * stride;
                colors.Finish((top + row) * width, width, r + offset, g + offset, b + offset, target);
            }
        }

        colors.Clear();
    }

    /// <summary>
    /// Fills in the weights from the centre outwards and returns the largest distance whose weight is not negligible.
    /// A small sigma leaves most of a large kernel empty.
    /// </summary>
    private int Weights(int kernel, double sigma)
    {
        if (_weights.Length < (kernel / 2) + 1)
        {
            _weights = new float[(kernel / 2) + 1];
        }

        double total = 1;
        for (var k = 1; k <= kernel / 2; k++)
        {
            total += 2 * Weight(k, sigma);
        }

        var radius = 0;
        for (var k = 0; k <= kernel / 2; k++)
        {
            var weight = Weight(k, sigma) / total;
            _weights[k] = (float)weight;
            radius = weight > Negligible ? k : radius;
        }

        return radius;
    }

    private static double Weight(int distance, double sigma) =>
        Math.Exp(-0.5 * distance * distance / (sigma * sigma));

    /// <summary>The position in 0 .. length - 1 that mirrors at both ends show elsewhere.</summary>
    private static int Mirror(int position, int length)
    {
        if (length == 1)
        {
            return 0;
        }

        while (position < 0 || position >= length)
        {
            position = position < 0 ? -position : (2 * (length - 1)) - position;
        }

        return position;
    }

    /// <summary>sum[x] = weights[0] * row[x] + weights[k] * (row above by k + row below by k).</summary>
    private static void SumRows<TFloats>(
        float* plane, nint* before, nint* after, ReadOnlySpan<float> weights, float* sum, int width)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var size = TFloats.Count;
        var x = 0;
        for (; x + (3 * size) < width; x += 4 * size)
        {
            var centre = TFloats.Create(weights[0]);
            var row = plane + before[0] + x;
            var a = TFloats.Load(row) * centre;
            var b = TFloats.Load(row + size) * centre;
            var c = TFloats.Load(row + (2 * size)) * centre;
            var d = TFloats.Load(row + (3 * size)) * centre;
            for (var k = 1; k < weights.Length; k++)
            {
                var weight = TFloats.Create(weights[k]);
                var up = plane + before[k] + x;
                var down = plane + after[k] + x;
                a = TFloats.MultiplyAdd(TFloats.Load(up) + TFloats.Load(down), weight, a);
                b = TFloats.MultiplyAdd(TFloats.Load(up + size) + TFloats.Load(down + size), weight, b);
                c = TFloats.MultiplyAdd(TFloats.Load(up + (2 * size)) + TFloats.Load(down + (2 * size)), weight, c);
                d = TFloats.MultiplyAdd(TFloats.Load(up + (3 * size)) + TFloats.Load(down + (3 * size)), weight, d);
            }

            a.Store(sum + x);
            b.Store(sum + x + size);
            c.Store(sum + x + (2 * size));
            d.Store(sum + x + (3 * size));
        }

        for (; x < width; x += size)
        {
            var value = TFloats.Load(plane + before[0] + x) * TFloats.Create(weights[0]);
            for (var k = 1; k < weights.Length; k++)
            {
                var pair = TFloats.Load(plane + before[k] + x) + TFloats.Load(plane + after[k] + x);
                value = TFloats.MultiplyAdd(pair, TFloats.Create(weights[k]), value);
            }

            value.Store(sum + x);
        }
    }

    /// <summary>
    /// The sum over neighbouring columns for a strip of rows: sum[x] = weights[0] * column[x] + weights[k] *
    /// (column[x - k] + column[x + k]), where a column is a vector or two.
    /// </summary>
    private static void SumColumns<TFloats>(
        float* columns, int rows, ReadOnlySpan<float> weights, float* sum, int width)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        for (var row = 0; row < rows; row += TFloats.Count)
        {
            var x = 0;
            for (; x + 3 < width; x += 4)
            {
                var middle = columns + (x * rows) + row;
                var centre = TFloats.Create(weights[0]);
                var a = TFloats.Load(middle) * centre;
                var b = TFloats.Load(middle + rows) * centre;
                var c = TFloats.Load(middle + (2 * rows)) * centre;
                var d = TFloats.Load(middle + (3 * rows)) * centre;
                for (var k = 1; k < weights.Length; k++)
                {
                    var weight = TFloats.Create(weights[k]);
                    var left = middle - (k * rows);
                    var right = middle + (k * rows);
                    a = TFloats.MultiplyAdd(TFloats.Load(left) + TFloats.Load(right), weight, a);
                    b = TFloats.MultiplyAdd(TFloats.Load(left + rows) + TFloats.Load(right + rows), weight, b);
                    c = TFloats.MultiplyAdd(TFloats.Load(left + (2 * rows)) + TFloats.Load(right + (2 * rows)), weight, c);
                    d = TFloats.MultiplyAdd(TFloats.Load(left + (3 * rows)) + TFloats.Load(right + (3 * rows)), weight, d);
                }

                var target = sum + (x * rows) + row;
                a.Store(target);
                b.Store(target + rows);
                c.Store(target + (2 * rows));
                d.Store(target + (3 * rows));
            }

            for (; x < width; x++)
            {
                var middle = columns + (x * rows) + row;
                var value = TFloats.Load(middle) * TFloats.Create(weights[0]);
                for (var k = 1; k < weights.Length; k++)
                {
                    value = TFloats.MultiplyAdd(
                        TFloats.Load(middle - (k * rows)) + TFloats.Load(middle + (k * rows)),
                        TFloats.Create(weights[k]), value);
                }

                value.Store(sum + (x * rows) + row);
            }
        }
    }

    /// <summary>Exchanges rows and columns; whole tiles are written, into the padding where they reach over.</summary>
    private static void Turn(float* from, nint fromStride, float* to, nint toStride, int rows, int columns)
    {
        for (var row = 0; row < rows; row += Tile.Side)
        {
            for (var column = 0; column < columns; column += Tile.Side)
            {
                Tile.Transpose(
                    from + (row * fromStride) + column, fromStride, to + (column * toStride) + row, toStride);
            }
        }
    }

    private static void Copy(float* from, float* to, int count) =>
        new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(to, count));
}

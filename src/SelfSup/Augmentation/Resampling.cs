using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SelfSup.Augmentation;

/// <summary>
/// Separable resampling at fixed parameters. Rows are combined first, because neighbouring values of a row are
/// neighbours in memory; the result is the same as columns first. Values are not clamped: cubic convolution overshoots
/// at hard edges, as it does in PyTorch for float images.
/// </summary>
internal static class Resampling
{
    /// <summary>Floats of scratch that a resampling of so many input columns needs.</summary>
    public static int RowLength(int inputWidth) => (3 * inputWidth) + Vector128<float>.Count;

    /// <summary>Resamples 8-bit interleaved RGB into planes in 0..1.</summary>
    /// <param name="pixels">The image, [.., imageWidth, 3].</param>
    /// <param name="imageWidth">Pixels in a row of the image.</param>
    /// <param name="vertical">How rows are combined.</param>
    /// <param name="horizontal">How columns are combined.</param>
    /// <param name="row">Scratch of <see cref="RowLength"/>.</param>
    /// <param name="planes">The result, [3, H, W].</param>
    public static void FromPixels(
        ReadOnlySpan<byte> pixels, int imageWidth, in ResampleAxis vertical, in ResampleAxis horizontal,
        Span<float> row, Span<float> planes)
    {
        var (height, width) = (vertical.Count, horizontal.Count);
        var plane = height * width;
        var low = horizontal.Low;
        var combined = row[..(3 * (horizontal.High - low))];
        // The horizontal pass reads pixels as four floats, so it reads one float beyond the last pixel.
        row.Slice(combined.Length, Vector128<float>.Count).Clear();
        for (var y = 0; y < height; y++)
        {
            var first = (vertical.Start(y) * imageWidth) + low;
            CombineRows(pixels[(3 * first)..], 3 * imageWidth, vertical.Weights(y), combined);
            CombinePixels(
                row,
                horizontal,
                planes.Slice(y * width, width),
                planes.Slice(plane + (y * width), width),
                planes.Slice((2 * plane) + (y * width), width));
        }
    }

    /// <summary>Resamples one plane.</summary>
    /// <param name="source">The plane, [.., sourceWidth].</param>
    /// <param name="sourceWidth">Values in a row of the plane.</param>
    /// <param name="vertical">How rows are combined.</param>
    /// <param name="horizontal">How columns are combined.</param>
    /// <param name="row">Scratch of <see cref="RowLength"/>.</param>
    /// <param name="destination">The result, [H, W].</param>
    public static void FromPlane(
        ReadOnlySpan<float> source, int sourceWidth, in ResampleAxis vertical, in ResampleAxis horizontal,
        Span<float> row, Span<float> destination)
    {
        var low = horizontal.Low;
        var combined = row[..(horizontal.High - low)];
        for (var y = 0; y < vertical.Count; y++)
        {
            var first = (vertical.Start(y) * sourceWidth) + low;
            CombineRows(source[first..], sourceWidth, vertical.Weights(y), combined);
            var result = destination.Slice(y * horizontal.Count, horizontal.Count);
            for (var x = 0; x < result.Length; x++)
            {
                var weights = horizontal.Weights(x);
                var samples = combined.Slice(horizontal.Start(x) - low, weights.Length);
                float sum = 0;
                for (var k = 0; k < weights.Length; k++)
                {
                    sum += weights[k] * samples[k];
                }

                result[x] = sum;
            }
        }
    }

    /// <summary>A weighted sum of byte rows that lie <paramref name="stride"/> apart, scaled to 0..1.</summary>
    private static void CombineRows(ReadOnlySpan<byte> rows, int stride, ReadOnlySpan<float> weights, Span<float> sum)
    {
        // The slice throws where the last row would end outside the image; from here on nothing is checked.
        _ = rows.Slice((weights.Length - 1) * stride, sum.Length);
        ref var source = ref MemoryMarshal.GetReference(rows);
        ref var target = ref MemoryMarshal.GetReference(sum);
        const float Unit = 1f / 255;
        if (sum.Length < Vector<byte>.Count)
        {
            for (var x = 0; x < sum.Length; x++)
            {
                float value = 0;
                for (var k = 0; k < weights.Length; k++)
                {
                    value += weights[k] * rows[(k * stride) + x];
                }

                sum[x] = value * Unit;
            }

            return;
        }

        var last = sum.Length - Vector<byte>.Count;
        for (var x = 0; ; x = Math.Min(x + Vector<byte>.Count, last)) // the last block may overlap the one before it
        {
            var (a, b, c, d) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
            for (var k = 0; k < weights.Length; k++)
            {
                Vector.Widen(Vector.LoadUnsafe(ref source, (nuint)((k * stride) + x)), out var low, out var high);
                Vector.Widen(low, out var low0, out var low1);
                Vector.Widen(high, out var high0, out var high1);
                var weight = Vector.Create(weights[k]);
                a = Vector.MultiplyAddEstimate(Vector.ConvertToSingle(Vector.AsVectorInt32(low0)), weight, a);
                b = Vector.MultiplyAddEstimate(Vector.ConvertToSingle(Vector.AsVectorInt32(low1)), weight, b);
                c = Vector.MultiplyAddEstimate(Vector.ConvertToSingle(Vector.AsVectorInt32(high0)), weight, c);
                d = Vector.MultiplyAddEstimate(Vector.ConvertToSingle(Vector.AsVectorInt32(high1)), weight, d);
            }

            (a * Unit).StoreUnsafe(ref target, (nuint)x);
            (b * Unit).StoreUnsafe(ref target, (nuint)(x + Vector<float>.Count));
            (c * Unit).StoreUnsafe(ref target, (nuint)(x + (2 * Vector<float>.Count)));
            (d * Unit).StoreUnsafe(ref target, (nuint)(x + (3 * Vector<float>.Count)));
            if (x == last)
            {
                break;
            }
        }
    }

    /// <summary>A weighted sum of rows that lie <paramref name="stride"/> apart.</summary>
    private static void CombineRows(ReadOnlySpan<float> rows, int stride, ReadOnlySpan<float> weights, Span<float> sum)
    {
        _ = rows.Slice((weights.Length - 1) * stride, sum.Length);
        ref var source = ref MemoryMarshal.GetReference(rows);
        ref var target = ref MemoryMarshal.GetReference(sum);
        var x = 0;
        for (; x <= sum.Length - Vector<float>.Count; x += Vector<float>.Count)
        {
            var value = Vector<float>.Zero;
            for (var k = 0; k < weights.Length; k++)
            {
                var row = Vector.LoadUnsafe(ref source, (nuint)((k * stride) + x));
                value = Vector.MultiplyAddEstimate(row, Vector.Create(weights[k]), value);
            }

            value.StoreUnsafe(ref target, (nuint)x);
        }

        for (; x < sum.Length; x++)
        {
            float value = 0;
            for (var k = 0; k < weights.Length; k++)
            {
                value += weights[k] * rows[(k * stride) + x];
            }

            sum[x] = value;
        }
    }

    /// <summary>
    /// The horizontal pass over one interleaved row. A pixel is read as one vector (R, G, B and the next pixel's R,
    /// whose sum is dropped), so three channels cost one multiplication and nothing has to be rearranged.
    /// </summary>
    private static void CombinePixels(
        ReadOnlySpan<float> row, in ResampleAxis horizontal, Span<float> red, Span<float> green, Span<float> blue)
    {
        var low = horizontal.Low;
        for (var x = 0; x < red.Length; x++)
        {
            var weights = horizontal.Weights(x);
            ref var source = ref MemoryMarshal.GetReference(
                row.Slice(3 * (horizontal.Start(x) - low), (3 * weights.Length) + 1));
            var sum = Vector128<float>.Zero;
            for (var k = 0; k < weights.Length; k++)
            {
                var pixel = Vector128.LoadUnsafe(ref source, (nuint)(3 * k));
                sum = Vector128.MultiplyAddEstimate(pixel, Vector128.Create(weights[k]), sum);
            }

            (red[x], green[x], blue[x]) = (sum[0], sum[1], sum[2]);
        }
    }
}

using System.Numerics;
using System.Runtime.InteropServices;

namespace SelfSup.Augmentation;

/// <summary>
/// Separable resampling of a plane of floats, for the rare view that is resized after something else was done with it
/// (<see cref="PlaneResampling"/> is for images). Rows are combined first, because neighbouring values of a row are
/// neighbours in memory; the result is the same as columns first. Values are not clamped: cubic convolution overshoots
/// at hard edges, as it does in PyTorch for float images.
/// </summary>
internal static class Resampling
{
    /// <summary>Resamples one plane.</summary>
    /// <param name="source">The plane, [.., sourceWidth].</param>
    /// <param name="sourceWidth">Values in a row of the plane.</param>
    /// <param name="vertical">How rows are combined.</param>
    /// <param name="horizontal">How columns are combined.</param>
    /// <param name="row">Scratch, as many floats as the source has columns.</param>
    /// <param name="destination">The result, [H, W].</param>
    public static void FromPlane(
        ReadOnlySpan<float> source, int sourceWidth, in ResampleAxis vertical, in ResampleAxis horizontal,
        Span<float> row, Span<float> destination)
    {
        var (low, high) = horizontal.Reach();
        var combined = row[..(high - low)];
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
}

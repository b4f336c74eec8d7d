using System.Numerics;
using System.Runtime.InteropServices;

namespace SelfSup.Augmentation;

/// <summary>
/// Gaussian blur at fixed parameters: weights exp(-x^2 / (2 sigma^2)) over an odd number of taps, normalised, the same
/// in both directions, with the image mirrored at its edges (the edge itself not repeated), as in torchvision.
/// </summary>
internal static class Blur
{
    /// <summary>What a sum of values in 0..1 cannot see: half a unit in the last place of 1 is 6e-8.</summary>
    private const double Negligible = 1e-8;

    /// <summary>Floats of scratch that a blur of so many columns needs.</summary>
    public static int RowLength(int width, int kernel) => width + kernel;

    /// <summary>Blurs one plane.</summary>
    /// <param name="source">The plane, [H, W].</param>
    /// <param name="destination">The result, [H, W]; other memory than the source.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="kernel">The number of taps in each direction, odd.</param>
    /// <param name="sigma">Standard deviation of the Gaussian, in pixels.</param>
    /// <param name="row">Scratch of <see cref="RowLength"/>.</param>
    public static void Gaussian(
        ReadOnlySpan<float> source, Span<float> destination, int height, int width, int kernel, double sigma,
        Span<float> row)
    {
        Span<float> allWeights = stackalloc float[(kernel / 2) + 1];
        var weights = allWeights[..(Weights(sigma, allWeights) + 1)];
        var radius = weights.Length - 1;
        Span<int> before = stackalloc int[weights.Length];
        Span<int> after = stackalloc int[weights.Length];
        Span<int> left = stackalloc int[weights.Length];
        Span<int> right = stackalloc int[weights.Length];
        for (var k = 0; k <= radius; k++)
        {
            (left[k], right[k]) = (radius - k, radius + k);
        }

        var padded = row[..(width + (2 * radius))];
        for (var y = 0; y < height; y++)
        {
            for (var k = 0; k <= radius; k++)
            {
                (before[k], after[k]) = (Mirror(y - k, height) * width, Mirror(y + k, height) * width);
            }

            SumPairs(source, before, after, weights, padded.Slice(radius, width));
            for (var k = 1; k <= radius; k++)
            {
                padded[radius - k] = padded[radius + Mirror(-k, width)];
                padded[radius + width - 1 + k] = padded[radius + Mirror(width - 1 + k, width)];
            }

            SumPairs(padded, left, right, weights, destination.Slice(y * width, width));
        }
    }

    /// <summary>
    /// Fills in the weights from the centre outwards and returns the largest distance whose weight is not negligible.
    /// A small sigma leaves most of a large kernel empty.
    /// </summary>
    private static int Weights(double sigma, Span<float> weights)
    {
        double total = 1;
        for (var k = 1; k < weights.Length; k++)
        {
            total += 2 * Weight(k, sigma);
        }

        var radius = 0;
        for (var k = 0; k < weights.Length; k++)
        {
            var weight = Weight(k, sigma) / total;
            weights[k] = (float)weight;
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

    /// <summary>
    /// result[x] = sum over k of weights[k] * (source[before[k] + x] + source[after[k] + x]), the centre counted once.
    /// Both passes are this: the pairs are rows above and below, or neighbours left and right.
    /// </summary>
    private static void SumPairs(
        ReadOnlySpan<float> source, ReadOnlySpan<int> before, ReadOnlySpan<int> after, ReadOnlySpan<float> weights,
        Span<float> result)
    {
        for (var k = 0; k < weights.Length; k++)
        {
            // The slices throw where a pair would end outside the source; from here on nothing is checked.
            _ = source.Slice(before[k], result.Length);
            _ = source.Slice(after[k], result.Length);
        }

        ref var values = ref MemoryMarshal.GetReference(source);
        ref var target = ref MemoryMarshal.GetReference(result);
        var size = Vector<float>.Count;
        var x = 0;
        for (; x <= result.Length - (4 * size); x += 4 * size)
        {
            var centre = Vector.Create(weights[0]);
            var origin = before[0] + x;
            var a = Vector.LoadUnsafe(ref values, (nuint)origin) * centre;
            var b = Vector.LoadUnsafe(ref values, (nuint)(origin + size)) * centre;
            var c = Vector.LoadUnsafe(ref values, (nuint)(origin + (2 * size))) * centre;
            var d = Vector.LoadUnsafe(ref values, (nuint)(origin + (3 * size))) * centre;
            for (var k = 1; k < weights.Length; k++)
            {
                var weight = Vector.Create(weights[k]);
                var (i, j) = (before[k] + x, after[k] + x);
                a = Vector.MultiplyAddEstimate(Pair(ref values, i, j), weight, a);
                b = Vector.MultiplyAddEstimate(Pair(ref values, i + size, j + size), weight, b);
                c = Vector.MultiplyAddEstimate(Pair(ref values, i + (2 * size), j + (2 * size)), weight, c);
                d = Vector.MultiplyAddEstimate(Pair(ref values, i + (3 * size), j + (3 * size)), weight, d);
            }

            a.StoreUnsafe(ref target, (nuint)x);
            b.StoreUnsafe(ref target, (nuint)(x + size));
            c.StoreUnsafe(ref target, (nuint)(x + (2 * size)));
            d.StoreUnsafe(ref target, (nuint)(x + (3 * size)));
        }

        for (; x <= result.Length - size; x += size)
        {
            var sum = Vector.LoadUnsafe(ref values, (nuint)(before[0] + x)) * weights[0];
            for (var k = 1; k < weights.Length; k++)
            {
                var pair = Pair(ref values, before[k] + x, after[k] + x);
                sum = Vector.MultiplyAddEstimate(pair, Vector.Create(weights[k]), sum);
            }

            sum.StoreUnsafe(ref target, (nuint)x);
        }

        for (; x < result.Length; x++)
        {
            var sum = source[before[0] + x] * weights[0];
            for (var k = 1; k < weights.Length; k++)
            {
                sum += (source[before[k] + x] + source[after[k] + x]) * weights[k];
            }

            result[x] = sum;
        }
    }

    private static Vector<float> Pair(ref float values, int i, int j) =>
        Vector.LoadUnsafe(ref values, (nuint)i) + Vector.LoadUnsafe(ref values, (nuint)j);
}

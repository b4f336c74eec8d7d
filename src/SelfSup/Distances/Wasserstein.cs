using SelfSup.Randomness;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// How much must be moved how far to make one set of samples another: the distance W_p between distributions that have 1 / N of their
/// weight at each of N samples (Villani 2009, definition 6.1).
/// </summary>
public static class Wasserstein
{
    private const long TileElements = 1 << 22;

    /// <summary>
    /// Of numbers, where the nearest are moved to the nearest in order: (integral of |quantile of x - quantile of y|^p)^(1/p).
    /// </summary>
    /// <param name="x">[..., N], not sorted.</param>
    /// <param name="y">[..., M], with the same dimensions before; M may differ from N.</param>
    /// <param name="p">At least 1.</param>
    /// <returns>[...]. The gradient is finite, and 0 at distance 0.</returns>
    public static Tensor OneDimensional(Tensor x, Tensor y, double p = 1)
    {
        Check(x, y, p);
        using var scope = NewDisposeScope();
        return SafeRoot.Of(Power(x, y, p), p).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Of sets of features, as the mean over random directions of the one-dimensional distance along them: (mean of W_p^p)^(1/p)
    /// (Bonneel et al. 2015, https://doi.org/10.1007/s10851-014-0506-3, definition 3). Directions are taken a few at a time.
    /// </summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[M, D].</param>
    /// <param name="projections">How many directions.</param>
    /// <param name="seed">What they are a function of.</param>
    /// <param name="p">At least 1.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Sliced(Tensor x, Tensor y, int projections, ulong seed, double p = 2)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(projections);
        if (x.dim() != 2 || y.dim() != 2 || x.shape[1] != y.shape[1])
        {
            throw new ArgumentException(
                $"x and y: are [{string.Join(", ", x.shape)}] and [{string.Join(", ", y.shape)}], must be [N, D] and [M, D]", nameof(y));
        }

        Check(x.t(), y.t(), p, sameBatch: false);
        using var scope = NewDisposeScope();
        var directions = Directions(projections, x.shape[1], seed).to(x.dtype).to(x.device);
        var height = Math.Max(1, TileElements / (x.shape[0] + y.shape[0]));
        var sum = zeros([], dtype: x.dtype, device: x.device);
        for (var start = 0L; start < projections; start += height)
        {
            using var tile = NewDisposeScope();
            var along = directions.narrow(0, start, Math.Min(height, projections - start));
            sum = (sum + Power(along.matmul(x.t()), along.matmul(y.t()), p).sum()).MoveToOuterDisposeScope();
        }

        return SafeRoot.Of(sum / projections, p).MoveToOuterDisposeScope();
    }

    /// <summary>Directions that are distributed evenly, of unit length, float64 [count, width].</summary>
    internal static Tensor Directions(int count, long width, ulong seed)
    {
        var numbers = new double[count * width];
        for (var i = 0; i < count; i++)
        {
            var random = new CounterRandom(seed, RandomPurpose.Projections, sample: i);
            for (var j = i * width; j < (i + 1) * width; j++)
            {
                // Normal numbers (Box and Muller 1958), which prefer no direction.
                numbers[j] = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            }
        }

        using var scope = NewDisposeScope();
        return nn.functional.normalize(tensor(numbers).view(count, width), dim: 1).MoveToOuterDisposeScope();
    }

    // W_p^p, [...].
    private static Tensor Power(Tensor x, Tensor y, double p)
    {
        var (first, second) = (x.sort(dim: -1).Values, y.sort(dim: -1).Values);
        if (x.shape[^1] == y.shape[^1])
        {
            return Raised(first - second, p).mean([-1]);
        }

        var (ofX, ofY, weights) = Plan(x.shape[^1], y.shape[^1]);
        var differences = first.index_select(-1, tensor(ofX).to(x.device)) - second.index_select(-1, tensor(ofY).to(x.device));
        return (Raised(differences, p) * tensor(weights).to(x.dtype).to(x.device)).sum(dim: -1);
    }

    private static Tensor Raised(Tensor differences, double p) =>
        p == 1 ? differences.abs() : p == 2 ? differences.square() : differences.abs().pow(p);

    // Which samples in order meet, and how much of the weight does: both quantile functions are steps. Counted in units of 1 / NM.
    private static (long[] OfX, long[] OfY, double[] Weights) Plan(long n, long m)
    {
        var (ofX, ofY, weights) = (new List<long>(), new List<long>(), new List<double>());
        for (long i = 0, j = 0, at = 0; at < n * m;)
        {
            var (endOfX, endOfY) = ((i + 1) * m, (j + 1) * n);
            var end = Math.Min(endOfX, endOfY);
            ofX.Add(i);
            ofY.Add(j);
            weights.Add((double)(end - at) / (n * m));
            at = end;
            i += endOfX == end ? 1 : 0;
            j += endOfY == end ? 1 : 0;
        }

        return ([.. ofX], [.. ofY], [.. weights]);
    }

    private static void Check(Tensor x, Tensor y, double p, bool sameBatch = true)
    {
        if (!(p >= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(p), p, "must be at least 1; below it is no distance");
        }

        if (x.dim() == 0 || y.dim() == 0 || x.shape[^1] == 0 || y.shape[^1] == 0
            || (sameBatch && !x.shape.AsSpan(0, (int)x.dim() - 1).SequenceEqual(y.shape.AsSpan(0, (int)y.dim() - 1))))
        {
            throw new ArgumentException(
                $"x and y: are [{string.Join(", ", x.shape)}] and [{string.Join(", ", y.shape)}], must be [..., N] and [..., M] with the "
                + "same dimensions before and at least one sample each",
                nameof(y));
        }
    }
}

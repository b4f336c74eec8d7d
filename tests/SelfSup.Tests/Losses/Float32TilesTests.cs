using System.Runtime.Intrinsics;

using SelfSup.Losses;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>The log-sum-exp in 512-bit vectors, beside the whole matrix in float64.</summary>
public sealed class Float32TilesTests
{
    private const string NoVectors = "this machine has no AVX-512; the tiles of libtorch's operations, which it takes, have their own tests";
    private const int Width = 64;

    [Fact]
    public void TheExponentialIsRightToItsLastDigit()
    {
        Assert.SkipUnless(Float32(1, 1), NoVectors);
        for (var x = -87f; x < 88; x += 0.0137f)
        {
            var exact = Math.Exp(x);
            Assert.InRange(Exp(x) / exact, 1 - 1.5e-7, 1 + 1.5e-7);
        }

        Assert.Equal(1, Exp(0));
        Assert.Equal(0, Exp(float.NegativeInfinity));
        Assert.Equal(0, Exp(-1e30f));
        Assert.InRange(Exp(-100), 3e-44f, 5e-44f); // below the smallest normal number
        Assert.Equal(float.PositiveInfinity, Exp(200));
        Assert.True(float.IsNaN(Exp(float.NaN)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(31)]
    [InlineData(64)]
    [InlineData(211)]
    public void RowsAgainstThemselvesAreCloseToTheWholeMatrix(long rows)
    {
        Assert.SkipUnless(Float32(rows, 1), NoVectors);
        using var scope = NewDisposeScope();
        foreach (var excluded in Excluded(rows, rows).Concat(rows == 64 ? [[new(0, 0, 64), new(0, 32, 32), new(32, 0, 32)]] : []))
        {
            foreach (var threads in new[] { 1, 3 })
            {
                var z = Unit(rows, rows);
                Same(threads, (a, size) => SimilarityLogSumExp.Of(a[0], a[0], 0.1, excluded, size), a => NaiveLosses.LogSumExp(a[0], a[0], 0.1, excluded), z);
                // So long that a running maximum is needed.
                Same(threads, (a, size) => SimilarityLogSumExp.Of(a[0], a[0], 0.1, excluded, size), a => NaiveLosses.LogSumExp(a[0], a[0], 0.1, excluded), z * 3);
            }
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 300)]
    [InlineData(100, 77)]
    [InlineData(96, 64)]
    public void RowsAgainstColumnsAreCloseToTheWholeMatrix(long rows, long columns)
    {
        Assert.SkipUnless(Float32(rows, 1), NoVectors);
        using var scope = NewDisposeScope();
        var (a, b) = (Unit(rows, 7), Unit(columns, 8));
        foreach (var excluded in Excluded(rows, columns))
        {
            foreach (var threads in new[] { 1, 3 })
            {
                Tensor Tiled(Tensor of, Tensor against, TileSize size) => SimilarityLogSumExp.Of(of, against, 0.1, excluded, size);
                Tensor Naive(Tensor of, Tensor against) => NaiveLosses.LogSumExp(of, against, 0.1, excluded);
                Same(threads, (z, size) => Tiled(z[0], z[1], size), z => Naive(z[0], z[1]), a, b);
                Same(threads, (z, size) => Tiled(z[0], z[1], size), z => Naive(z[0], z[1]), a * 50, b);
                Same(threads, (z, size) => Tiled(z[0], b, size), z => Naive(z[0], b.to(float64)), a);
                Same(threads, (z, size) => Tiled(a, z[0], size), z => Naive(a.to(float64), z[0]), b);
                var bank = b.to(bfloat16);
                Same(threads, (z, size) => Tiled(z[0], bank, size), z => Naive(z[0], bank), a);
                var aside = b.t().contiguous().t();
                Same(threads, (z, size) => Tiled(z[0], aside, size), z => Naive(z[0], b.to(float64)), a);
            }
        }
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.001)]
    public void ARowOfWhichEverythingIsExcludedHasNoGradient(double temperature)
    {
        Assert.SkipUnless(Float32(2, 1), NoVectors);
        using var scope = NewDisposeScope();
        var z = Unit(2, 1).requires_grad_();
        var value = SimilarityLogSumExp.Of(z, z, temperature, [new(0, 0, 2), new(0, 1, 1), new(1, 0, 1)]);
        GuardedBackward.Run(value.sum());
        Assert.All(value.data<float>().ToArray(), v => Assert.Equal(float.NegativeInfinity, v));
        Assert.All(z.grad!.data<float>().ToArray(), v => Assert.Equal(0, v));
    }

    private static IEnumerable<ExcludedPairs[]> Excluded(long rows, long columns) =>
        Math.Min(rows, columns) > 1 ? [[], [new(0, 0, Math.Min(rows, columns))]] : [[]];

    private static bool Float32(long rows, int seed)
    {
        using var scope = NewDisposeScope();
        return Float32Products.Suit(Unit(rows, seed));
    }

    private static float Exp(float x) => Float32Exponentials.Exp(Vector512.Create(x))[3];

    private static void Same(
        int threads, Func<Tensor[], TileSize, Tensor> tiled, Func<Tensor[], Tensor> naive, params Tensor[] inputs)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            // A logit carries the rounding of its float32, and an exponential makes that its relative error.
            var largest = inputs.Aggregate(1.0, (product, i) => product * linalg.vector_norm(i, 2, [1]).max().item<float>());
            var tolerance = 5e-6 * Math.Max(1, largest / 10);
            var expected = Results(naive, inputs.Select(i => i.to(float64)));
            var actual = Results(z => tiled(z, new TileSize(32, 40)), inputs);
            foreach (var (e, a) in expected.Zip(actual))
            {
                Assert.Equal(e.isfinite().data<bool>().ToArray(), a.isfinite().data<bool>().ToArray());
                var difference = (e - a.to(float64)).nan_to_num().abs().max().item<double>();
                Assert.InRange(difference / Math.Max(1, e.nan_to_num().abs().max().item<double>()), 0, tolerance);
            }
        }
        finally
        {
            set_num_threads(before);
        }
    }

    private static IEnumerable<Tensor> Results(Func<Tensor[], Tensor> value, IEnumerable<Tensor> inputs)
    {
        Tensor[] learned = [.. inputs.Select(i => i.detach().clone().requires_grad_())];
        var result = value(learned);
        var weights = cos(arange(result.shape[0], dtype: result.dtype)); // of both signs
        GuardedBackward.Run((result * weights).sum());
        return [result.detach(), .. learned.Select(l => l.grad!)];
    }

    private static Tensor Unit(long rows, long seed)
    {
        using var generator = new Generator((ulong)seed);
        return nn.functional.normalize(randn([rows, Width], dtype: float32, generator: generator), dim: 1);
    }
}

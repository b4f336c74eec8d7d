using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Losses;
using SelfSup.Tests.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distances;

public sealed class DistanceTests
{
    private static readonly Tensor _factor = LossComparison.Unit(3, 5, 40).DetachFromDisposeScope();
    private static readonly double[][] _factorRows = Rows(_factor);

    private static readonly Dictionary<string, (Distance Distance, Func<double[], double[], double> Plain, bool IsMetric)> _distances = new()
    {
        ["euclidean"] = (new Euclidean(new NoOptions()), PlainLosses.Euclidean, true),
        ["squaredEuclidean"] = (new SquaredEuclidean(new NoOptions()), PlainLosses.Squared, false),
        ["cosine"] = (new Cosine(new NoOptions()), (x, y) => 1 - PlainLosses.Dot(x, y), false),
        ["dot"] = (new Dot(new NoOptions()), (x, y) => -PlainLosses.Dot(x, y), false),
        ["lp 1"] = (new Lp(new LpOptions { P = 1 }), (x, y) => Power(x, y, 1), true),
        ["lp 1.5"] = (new Lp(new LpOptions { P = 1.5 }), (x, y) => Power(x, y, 1.5), true),
        ["lp 2"] = (new Lp(new LpOptions { P = 2 }), (x, y) => Power(x, y, 2), true),
        ["lp 7"] = (new Lp(new LpOptions { P = 7 }), (x, y) => Power(x, y, 7), true),
        ["mahalanobis"] = (new Given(_factor), (x, y) => PlainLosses.Euclidean(Mapped(x), Mapped(y)), true),
    };

    public static TheoryData<string> Names => [.. _distances.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void MatrixAndRowsAreTheFormula(string name)
    {
        using var scope = NewDisposeScope();
        var (distance, plain, _) = _distances[name];
        foreach (var (n, m) in new (long, long)[] { (7, 4), (1, 1), (300, 290) }) // the last in several tiles of lp
        {
            var (x, y) = (LossComparison.Unit(n, 5, 1), LossComparison.Unit(m, 5, 2));
            var matrix = distance.Matrix(x, y);
            Assert.Equal([n, m], matrix.shape);
            var expected = Rows(x).SelectMany(a => Rows(y).Select(b => plain(a, b))).ToArray();
            Assert.InRange((matrix.view(-1) - tensor(expected)).abs().max().item<double>(), 0, 1e-12);
            var rows = distance.Rows(x[..(int)Math.Min(n, m)], y[..(int)Math.Min(n, m)]);
            Assert.InRange((rows - matrix.diagonal()).abs().max().item<double>(), 0, 1e-12);
        }

        Assert.Equal([0, 3], distance.Matrix(zeros(0, 5, dtype: float64), LossComparison.Unit(3, 5, 1)).shape);
        Assert.Equal([3, 0], distance.Matrix(LossComparison.Unit(3, 5, 1), zeros(0, 5, dtype: float64)).shape);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheAxiomsHold(string name)
    {
        using var scope = NewDisposeScope();
        var (distance, _, isMetric) = _distances[name];
        foreach (var type in new[] { float64, float32 })
        {
            var slack = type == float64 ? 1e-12 : 2e-6;
            var x = cat([LossComparison.Unit(12, 5, 3), LossComparison.Unit(12, 5, 3) + 1e-4]).to(type);
            x = name is "cosine" or "dot" ? nn.functional.normalize(x, dim: 1) : x * 3;
            var matrix = distance.Matrix(x, x.clone());
            Assert.InRange((matrix - matrix.t()).abs().max().to(float64).item<double>(), 0, slack);
            if (name == "dot")
            {
                continue;
            }

            Assert.True(matrix.min().to(float64).item<double>() >= 0);
            Assert.Equal(0, matrix.diagonal().abs().max().to(float64).item<double>()); // exactly: a row is at no distance from itself
            if (isMetric)
            {
                var detour = matrix.unsqueeze(2) + matrix.unsqueeze(0); // [i, j, k]: from i over j to k
                Assert.True((detour - matrix.unsqueeze(1)).min().to(float64).item<double>() >= -slack);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheGradientIsTheDerivative(string name)
    {
        using var scope = NewDisposeScope();
        var distance = _distances[name].Distance;
        var (x, y) = (LossComparison.Unit(5, 5, 4) * 2, LossComparison.Unit(4, 5, 5));
        var weights = LossComparison.Unit(5, 4, 6);
        GradientCheck.Holds(t => (distance.Matrix(t[0], t[1]) * weights).sum(), x, y);
        GradientCheck.Holds(t => (distance.Rows(t[0], t[1]) * weights[.., 0][..4]).sum(), x[..4], y);
        var own = LossComparison.Unit(4, 4, 7);
        own.diagonal().zero_();
        GradientCheck.Holds(t => (distance.Matrix(t[0], t[0]) * own).sum(), y); // the same tensor on both sides
    }

    /// <summary>Also only one side may learn.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void EqualRowsHaveAFiniteGradient(string name)
    {
        using var scope = NewDisposeScope();
        var distance = _distances[name].Distance;
        foreach (var type in new[] { float64, float32 })
        {
            var row = LossComparison.Unit(1, 5, 8).to(type);
            var (x, y) = (row.expand(3, 5).clone().requires_grad_(), row.expand(3, 5).clone());
            GuardedBackward.Run(distance.Matrix(x, y).sum() + distance.Matrix(x, x).sum() + distance.Rows(x, y).sum());
            Assert.True(x.grad!.isfinite().all().item<bool>());
            if (name != "dot")
            {
                Assert.Equal(0, x.grad.abs().max().to(float64).item<double>());
            }
        }
    }

    /// <summary>
    /// Rows that differ in the last digits of float32, far from the origin: by products of float32 their distance would be 0 or several
    /// times as large.
    /// </summary>
    [Theory]
    [InlineData(float.NaN)]
    [InlineData(1e-6f)]
    [InlineData(1e-20f)]
    public void SmallDistancesHaveTheirDigitsInFloat32(float size)
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(20, 5, 9).to(float32);
        Tensor y;
        if (float.IsNaN(size))
        {
            y = x * float.BitIncrement(1); // each coordinate about one step farther
        }
        else
        {
            x[.., 0] = tensor(size); // close in a coordinate that is small
            y = x.clone();
            y[.., 0] = tensor(3 * size);
        }

        x.requires_grad_();
        var matrix = new Euclidean(new NoOptions()).Matrix(x, y);
        var expected = new Euclidean(new NoOptions()).Rows(x.detach().to(float64), y.to(float64));
        Assert.True(expected.min().item<double>() > 0);
        Assert.InRange(((matrix.diagonal().to(float64) / expected) - 1).abs().max().item<double>(), 0, 2e-7);

        // A distance's gradient is of unit length, whatever the distance.
        GuardedBackward.Run(matrix.diagonal().sum());
        Assert.InRange((x.grad!.to(float64).norm(1) - 1).abs().max().item<double>(), 0, 2e-6);
        var direction = (x.detach().to(float64) - y.to(float64)) / expected.unsqueeze(1);
        Assert.InRange((x.grad.to(float64) - direction).abs().max().item<double>(), 0, 2e-6);
    }

    /// <summary>Many near pairs are computed a few at a time, and come out as others do.</summary>
    [Fact]
    public void ACollapsedBatchIsMeasured()
    {
        using var scope = NewDisposeScope();
        var centre = LossComparison.Unit(1, 64, 10) * 100;
        var x = centre + (LossComparison.Unit(400, 64, 11) * 1e-9);
        var outlier = LossComparison.Unit(1, 64, 12) * 1000;
        var all = cat([x, outlier]);
        var matrix = new Euclidean(new NoOptions()).Matrix(all, all);
        var expected = (all.unsqueeze(1) - all.unsqueeze(0)).norm(2);
        Assert.InRange((matrix - expected).abs().max().item<double>(), 0, 1e-11);
        var inner = (matrix[..400, ..400] - expected[..400, ..400]).abs().max() / expected[..400, ..400].max();
        Assert.InRange(inner.item<double>(), 0, 1e-6);
    }

    /// <summary>Powers of large p neither vanish nor overflow.</summary>
    [Theory]
    [InlineData(1e-30)]
    [InlineData(1e30)]
    public void LargePowersAreSafe(double size)
    {
        using var scope = NewDisposeScope();
        var lp = new Lp(new LpOptions { P = 50 });
        var (x, y) = (tensor(new[,] { { 3 * size, 0, size } }).to(float32).requires_grad_(), zeros(1, 3));
        Assert.Equal(3 * size, lp.Matrix(x, y).item<float>(), 1e-5 * size);
        Assert.Equal(3 * size, lp.Rows(x, y).item<float>(), 1e-5 * size);
        GuardedBackward.Run((lp.Matrix(x, y) + lp.Rows(x, y)).sum());
        Assert.Equal([2f, 0f, 0f], x.grad!.data<float>().ToArray().Select(g => MathF.Round(g, 5)));
    }

    [Fact]
    public void DifferencesOfAllPairsAreNotHeld()
    {
        Assert.SkipWhen(NativeHeap.Bytes is null, "this C library does not say what is in use");
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(700, 64, 13).to(float32).requires_grad_();
        using var peak = new HeapPeak();
        GuardedBackward.Run(new Lp(new LpOptions { P = 3 }).Matrix(x, x).sum()); // all would be 125 MB
        peak.Dispose();
        Assert.InRange(peak.Growth!.Value / (double)(1 << 20), 0, 60);
    }

    /// <summary>A gradient may come transposed, and then does not lie in memory as the matrix does.</summary>
    [Theory]
    [InlineData("euclidean")]
    [InlineData("squaredEuclidean")]
    public void AGradientMayLieOtherwise(string name)
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(5, 3, 16);
        var y = cat([x[..2], LossComparison.Unit(2, 3, 17)]); // some are equal, which are computed by themselves
        var weights = LossComparison.Unit(4, 5, 18);
        Tensor Gradient(Func<Tensor, Tensor> weighted)
        {
            var learned = x.clone().requires_grad_();
            GuardedBackward.Run(weighted(_distances[name].Distance.Matrix(learned, y)).sum());
            return learned.grad!;
        }

        var expected = Gradient(matrix => matrix * weights.t().contiguous());
        Assert.InRange((Gradient(matrix => matrix.t() * weights) - expected).abs().max().item<double>(), 0, 1e-14);
        Assert.True(expected.abs().max().item<double>() > 0.1);
    }

    /// <summary>Of a memory 2 float64 copies are there at once at most, and none of them is a gradient.</summary>
    [Fact]
    public void AMemoryNeedsNoGradient()
    {
        Assert.SkipWhen(NativeHeap.Bytes is null, "this C library does not say what is in use");
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(8, 128, 19).to(float32).requires_grad_();
        var memory = zeros(40_000, 128); // 20 MB, in float64 41
        using var peak = new HeapPeak();
        GuardedBackward.Run(new Euclidean(new NoOptions()).Matrix(x, memory).sum());
        peak.Dispose();
        Assert.InRange(peak.Growth!.Value / (double)(1 << 20), 0, 110);
    }

    [Fact]
    public void TheLearnedFactorBeginsAsTheIdentityAndLearns()
    {
        using var scope = NewDisposeScope();
        foreach (var rank in new int?[] { null, 3 })
        {
            var distance = new Mahalanobis(new MahalanobisOptions { Rank = rank });
            using var encoder = NewEncoder(distance.Parts, 5);
            var (x, y) = (LossComparison.Unit(4, 5, 14).to(float32), LossComparison.Unit(3, 5, 15).to(float32));
            Assert.Equal([rank ?? 5, 5], Mahalanobis.Factor(encoder).shape);
            var kept = rank ?? 5;
            var expected = new Euclidean(new NoOptions()).Matrix(x[.., ..kept], y[.., ..kept]);
            Assert.InRange((distance.Matrix(x, y, encoder) - expected).abs().max().item<float>(), 0, 1e-6);
            GuardedBackward.Run(distance.Matrix(x, y, encoder).sum() + distance.Rows(x[..3], y, encoder).sum());
            Assert.True(Mahalanobis.Factor(encoder).grad!.abs().sum().item<float>() > 0);
        }

        var error = Assert.Throws<SelfSup.Errors.RecipeException>(
            () => NewEncoder(new Mahalanobis(new MahalanobisOptions { Rank = 6 }).Parts, 5));
        Assert.Contains("must be at most 5", error.Message, StringComparison.Ordinal);
    }

    /// <summary>An encoder that is next to nothing, with parts.</summary>
    internal static Encoder NewEncoder(EncoderParts? parts, int width) =>
        new(nn.Linear(2, 2), nn.Linear(2, width), new EncoderWidths(2, width), parts);

    private static double[][] Rows(Tensor x) => [.. x.data<double>().ToArray().Chunk((int)x.shape[1])];

    private static double Power(double[] x, double[] y, double p) => Math.Pow(x.Zip(y, (a, b) => Math.Pow(Math.Abs(a - b), p)).Sum(), 1 / p);

    private static double[] Mapped(double[] x) => [.. _factorRows.Select(row => PlainLosses.Dot(row, x))];

    /// <summary>With a factor that is given.</summary>
    private sealed class Given(Tensor factor) : Distance
    {
        public override Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null) => MahalanobisFactor.Matrix(x, y, factor.to(x.dtype));

        public override Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null) => MahalanobisFactor.Rows(x, y, factor.to(x.dtype));
    }
}

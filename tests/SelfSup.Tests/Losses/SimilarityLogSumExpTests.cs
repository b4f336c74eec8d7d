using SelfSup.Losses;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

public sealed class SimilarityLogSumExpTests
{
    private static readonly TileSize _small = new(5, 7);

    /// <summary>Lengths of rows: unit length is taken by mirrored tiles, the others by rectangular ones.</summary>
    public static TheoryData<double, double> LengthsAndTemperatures => new()
    {
        { 1, 0.1 }, { 1, 0.5 }, { 1, 0.001 }, { 30, 0.1 }, { 1000, 0.07 },
    };

    [Theory]
    [MemberData(nameof(LengthsAndTemperatures))]
    internal void RowsAgainstThemselvesEqualTheWholeMatrix(double length, double temperature)
    {
        using var scope = NewDisposeScope();
        foreach (var rows in new long[] { 1, 4, 23, 40 })
        {
            ExcludedPairs[] excluded = rows == 40
                ? [new(0, 0, 40), new(0, 20, 20), new(20, 0, 20)]
                : rows > 1 ? [new(0, 0, rows)] : [];
            var z = (Unit(rows, 6, seed: rows) * length).requires_grad_();
            var weights = Random([rows], 90);
            var (expected, expectedGradient) = Results(() => NaiveLosses.LogSumExp(z, z, temperature, excluded), weights, z);
            foreach (var threads in new[] { 1, 3 })
            {
                var (actual, gradient) = With(threads, () => Results(
                    () => SimilarityLogSumExp.Of(z, z, temperature, excluded, _small), weights, z));
                Close(expected, actual, 1e-12);
                Close(expectedGradient[0]!, gradient[0]!, 1e-12);
            }
        }
    }

    [Theory]
    [MemberData(nameof(LengthsAndTemperatures))]
    internal void RowsAgainstColumnsEqualTheWholeMatrix(double length, double temperature)
    {
        using var scope = NewDisposeScope();
        foreach (var (rows, columns) in new (long, long)[] { (1, 1), (3, 50), (23, 17), (31, 64) })
        {
            foreach (var learned in new[] { (true, true), (true, false), (false, true) })
            {
                ExcludedPairs[] excluded = columns > 16 ? [new(0, 9, Math.Min(rows, 8)), new(1, 0, 2)] : [];
                var a = (Unit(rows, 6, seed: rows) * length).requires_grad_(learned.Item1);
                var b = Unit(columns, 6, seed: columns + 100).requires_grad_(learned.Item2);
                var weights = Random([rows], 91);
                var (expected, expectedGradients) = Results(() => NaiveLosses.LogSumExp(a, b, temperature, excluded), weights, a, b);
                foreach (var threads in new[] { 1, 3 })
                {
                    var (actual, gradients) = With(threads, () => Results(
                        () => SimilarityLogSumExp.Of(a, b, temperature, excluded, _small), weights, a, b));
                    Close(expected, actual, 1e-12);
                    foreach (var (e, g) in expectedGradients.Zip(gradients))
                    {
                        Assert.Equal(e is null, g is null);
                        if (e is not null)
                        {
                            Close(e, g!, 1e-12);
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void TheSizeThatIsFoundGivesTheSame()
    {
        using var scope = NewDisposeScope();
        var z = Unit(1100, 16, seed: 1).requires_grad_();
        var weights = Random([1100], 92);
        ExcludedPairs[] excluded = [new(0, 0, 1100)];
        var (expected, expectedGradients) = Results(() => NaiveLosses.LogSumExp(z, z, 0.1, excluded), weights, z);
        var (actual, gradients) = Results(() => SimilarityLogSumExp.Of(z, z, 0.1, excluded), weights, z);
        Close(expected, actual, 1e-12);
        Close(expectedGradients[0]!, gradients[0]!, 1e-12);
        var other = z.detach().requires_grad_();
        var columns = z.detach().requires_grad_();
        (actual, gradients) = Results(() => SimilarityLogSumExp.Of(other, columns, 0.1, excluded), weights, other, columns);
        Close(expected, actual, 1e-12);
        Close(expectedGradients[0]!, gradients[0]! + gradients[1]!, 1e-12);
    }

    [Fact]
    public void WithoutGradientsTheValueIsTheSame()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Unit(12, 6, seed: 1), Unit(30, 6, seed: 2));
        Close(NaiveLosses.LogSumExp(a, b, 0.1, []), SimilarityLogSumExp.Of(a, b, 0.1, [], _small), 1e-12);
        using var _ = no_grad();
        var learned = a.alias().requires_grad_();
        var value = SimilarityLogSumExp.Of(learned, learned, 0.1, [], _small);
        Assert.False(value.requires_grad);
        Close(NaiveLosses.LogSumExp(a, a, 0.1, []), value, 1e-12);
    }

    [Fact]
    public void ConstantsOfAnotherTypeAreConvertedExactly()
    {
        using var scope = NewDisposeScope();
        var a = Unit(12, 6, seed: 1).requires_grad_();
        var bank = Unit(40, 6, seed: 2).to(bfloat16);
        var weights = Random([12], 93);
        var (expected, expectedGradients) = Results(() => NaiveLosses.LogSumExp(a, bank, 0.1, []), weights, a);
        var (actual, gradients) = Results(() => SimilarityLogSumExp.Of(a, bank, 0.1, [], _small), weights, a);
        Close(expected, actual, 1e-12);
        Close(expectedGradients[0]!, gradients[0]!, 1e-12);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.001)]
    public void ARowOfWhichEverythingIsExcludedHasNoGradient(double temperature)
    {
        using var scope = NewDisposeScope();
        var z = Unit(2, 6, seed: 1).requires_grad_();
        ExcludedPairs[] everything = [new(0, 0, 2), new(0, 1, 1), new(1, 0, 1)];
        var (value, gradients) = Results(() => SimilarityLogSumExp.Of(z, z, temperature, everything), ones(2, dtype: float64), z);
        Assert.All(value.data<double>().ToArray(), v => Assert.Equal(double.NegativeInfinity, v));
        Assert.All(gradients[0]!.data<double>().ToArray(), v => Assert.Equal(0, v));
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    public void Float32IsCloseOverManyRows(int width)
    {
        using var scope = NewDisposeScope();
        var exact = Unit(6000, width, seed: 3).requires_grad_();
        var single = exact.detach().to(float32).requires_grad_();
        var weights = ones(6000, dtype: float64);
        ExcludedPairs[] excluded = [new(0, 0, 6000)];
        var (expected, expectedGradients) = Results(() => SimilarityLogSumExp.Of(exact, exact, 0.1, excluded), weights, exact);
        foreach (var columns in new[] { single, single.detach() })
        {
            single.grad?.zero_();
            var (actual, gradients) = Results(
                () => SimilarityLogSumExp.Of(single, columns, 0.1, excluded), weights.to(float32), single);
            Close(expected, actual.to(float64), 3e-6);
            if (ReferenceEquals(columns, single))
            {
                Close(expectedGradients[0]!, gradients[0]!.to(float64), 1e-4);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ValuesThatAreNotFiniteStayVisible(bool inVectors)
    {
        using var scope = NewDisposeScope();
        var type = inVectors ? float32 : float64;
        var z = Unit(12, 32, seed: 1).to(type);
        z[3, 2] = tensor(double.NaN, dtype: type);
        Assert.True(SimilarityLogSumExp.Of(z, z, 0.1, [], _small).isnan().all().item<bool>());
        var columns = Unit(12, 32, seed: 1).to(type);
        Assert.Equal(1, SimilarityLogSumExp.Of(z, columns, 0.1, [], _small).isnan().sum().item<long>());
    }

    [Fact]
    public void ResultsDoNotDependOnWhichThreadIsFaster()
    {
        using var scope = NewDisposeScope();
        var z = Unit(300, 32, seed: 5).to(float32).requires_grad_();
        var columns = Unit(200, 32, seed: 6).to(float32).requires_grad_();
        var weights = Random([300], 94).to(float32);
        (Tensor Value, Tensor?[] Gradients)[] Both() => With(4, () => new[]
        {
            Results(() => SimilarityLogSumExp.Of(z, z, 0.1, [new(0, 0, 300)], new(16, 16)), weights, z),
            Results(() => SimilarityLogSumExp.Of(z, columns, 0.1, [], new(16, 16)), weights, z, columns),
        });
        var first = Both();
        for (var i = 0; i < 5; i++)
        {
            foreach (var (a, b) in first.Zip(Both()))
            {
                Assert.Equal(a.Value.data<float>().ToArray(), b.Value.data<float>().ToArray());
                foreach (var (g, h) in a.Gradients.Zip(b.Gradients))
                {
                    Assert.Equal(g!.data<float>().ToArray(), h!.data<float>().ToArray());
                }
            }
        }
    }

    [Fact]
    public void TheThreadsThatWereSetStaySet()
    {
        using var scope = NewDisposeScope();
        var z = Unit(50, 6, seed: 1).requires_grad_();
        With(3, () =>
        {
            GuardedBackward.Run(SimilarityLogSumExp.Of(z, z, 0.1, [], _small).sum());
            Assert.Equal(3, get_num_threads());
            return 0;
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NoTensorIsLeftBehind(bool inVectors)
    {
        using var scope = NewDisposeScope();
        var type = inVectors ? float32 : float64;
        var z = Unit(40, 32, seed: 1).to(type).requires_grad_();
        var bank = Unit(50, 32, seed: 2).to(bfloat16);
        var columns = Unit(30, 32, seed: 3).to(type).requires_grad_();
        void Step()
        {
            using var step = NewDisposeScope();
            var loss = With(2, () => SimilarityLogSumExp.Of(z, z, 0.1, [], _small).sum()
                + SimilarityLogSumExp.Of(z, bank, 0.1, [], _small).sum()
                + SimilarityLogSumExp.Of(z, columns, 0.001, [], _small).sum());
            GuardedBackward.Run(loss);
            using var _ = no_grad();
            SimilarityLogSumExp.Of(z, z, 0.1, [], _small);
        }

        Step();
        Step();
        var before = Tensor.TotalCount;
        for (var i = 0; i < 50; i++)
        {
            Step();
        }

        Assert.InRange(Tensor.TotalCount, 0, before); // fewer, where the collector has found older ones
    }

    [Fact]
    public void AGraphThatIsNeverUsedIsFreed()
    {
        var z = Unit(40, 6, seed: 1).requires_grad_();
        for (var i = 0; i < 3; i++)
        {
            using var scope = NewDisposeScope();
            SimilarityLogSumExp.Of(z, z, 0.1, [], _small);
        }

        var before = Tensor.TotalCount;
        for (var i = 0; i < 50; i++)
        {
            using var scope = NewDisposeScope();
            SimilarityLogSumExp.Of(z, z, 0.1, [], _small);
        }

        Assert.InRange(Tensor.TotalCount, 0, before);
        z.Dispose();
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    public void TheWholeMatrixIsNeverHeld(int width)
    {
        Assert.SkipUnless(PeakBeginsAnew(), "the peak of a process's memory is read and reset in /proc");
        using var scope = NewDisposeScope();
        var z = Unit(20_000, width, seed: 1).to(float32).requires_grad_();
        PeakBeginsAnew();
        var before = PeakMegabytes();
        GuardedBackward.Run(SimilarityLogSumExp.Of(z, z, 0.1, [new(0, 0, 20_000)]).mean());
        Assert.InRange(PeakMegabytes() - before, -100, 100); // the matrix would be 1,526; the kernel counts pages a little late
    }

    [Fact]
    public void WhatCannotBeComputedIsRefusedBeforeTheGraphKnowsOfIt()
    {
        using var scope = NewDisposeScope();
        var z = Unit(4, 6, seed: 1);
        Assert.Throws<ArgumentException>(() => SimilarityLogSumExp.Of(z, Unit(4, 5, seed: 1), 0.1, []));
        Assert.Throws<ArgumentException>(() => SimilarityLogSumExp.Of(z.to(bfloat16), z, 0.1, []));
        Assert.Throws<ArgumentException>(() => SimilarityLogSumExp.Of(z, z.to(float32).requires_grad_(), 0.1, []));
        Assert.Throws<ArgumentException>(() => SimilarityLogSumExp.Of(z.narrow(0, 0, 0), z, 0.1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => SimilarityLogSumExp.Of(z, z, 0, []));
    }

    private static bool PeakBeginsAnew()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static double PeakMegabytes() => File.ReadLines("/proc/self/status")
        .Where(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
        .Select(line => double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024)
        .Single();

    /// <summary>Values, and the gradients of their sum with weights; null for what is not learned.</summary>
    private static (Tensor Value, Tensor?[] Gradients) Results(Func<Tensor> value, Tensor weights, params Tensor[] inputs)
    {
        foreach (var input in inputs.Where(i => i.grad is not null))
        {
            input.grad = null;
        }

        var result = value();
        GuardedBackward.Run((result * weights).sum());
        return (result.detach(), [.. inputs.Select(i => i.grad)]);
    }

    private static T With<T>(int threads, Func<T> compute)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            return compute();
        }
        finally
        {
            set_num_threads(before);
        }
    }

    private static void Close(Tensor expected, Tensor actual, double tolerance)
    {
        var scale = Math.Max(1, expected.nan_to_num().abs().max().item<double>());
        var difference = (expected - actual).nan_to_num().abs().max().item<double>();
        Assert.Equal(expected.isfinite().data<bool>().ToArray(), actual.isfinite().data<bool>().ToArray());
        Assert.True(difference <= tolerance * scale, $"differs by {difference:g3} of {scale:g3}");
    }

    private static Tensor Random(long[] shape, long seed)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, dtype: float64, generator: generator);
    }

    private static Tensor Unit(long rows, long width, long seed) => nn.functional.normalize(Random([rows, width], seed), dim: 1);
}

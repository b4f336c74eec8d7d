using SelfSup.Distances;
using SelfSup.Tests.Losses;
using SelfSup.Tests.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distances;

public sealed class WassersteinTests
{
    /// <summary>Of sets of different sizes each sample is repeated, until both sets are as large.</summary>
    [Theory]
    [InlineData(5, 5, 1)]
    [InlineData(4, 6, 1)]
    [InlineData(1, 7, 2)]
    [InlineData(6, 4, 2)]
    [InlineData(3, 2, 3)]
    public void SamplesAreMovedInOrder(int n, int m, double p)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (LossComparison.Unit(3, n, 1) * 2, LossComparison.Unit(3, m, 2));
        var actual = Wasserstein.OneDimensional(x, y, p);
        for (var row = 0; row < 3; row++)
        {
            var (a, b) = (Repeated(x[row], m), Repeated(y[row], n));
            Assert.Equal(Math.Pow(a.Zip(b, (s, t) => Math.Pow(Math.Abs(s - t), p)).Average(), 1 / p), actual[row].item<double>(), 1e-12);
        }

        GradientCheck.Holds(t => Wasserstein.OneDimensional(t[0], t[1], p).sum(), x, y);

        static double[] Repeated(Tensor samples, int times) =>
            [.. samples.data<double>().ToArray().Order().SelectMany(s => Enumerable.Repeat(s, times))];
    }

    [Fact]
    public void TheAxiomsHold()
    {
        using var scope = NewDisposeScope();
        var sets = new[] { 4, 6, 9 }.Select((n, i) => LossComparison.Unit(n, 5, i + 3)).ToArray();
        double Sliced(Tensor x, Tensor y, double p) => Wasserstein.Sliced(x, y, 20, 7, p).item<double>();
        foreach (var p in new[] { 1.0, 2 })
        {
            Assert.Equal(0, Sliced(sets[0], sets[0].flip(0), p), 1e-12);
            Assert.Equal(Sliced(sets[0], sets[1], p), Sliced(sets[1], sets[0], p), 1e-12);
            Assert.True(Sliced(sets[0], sets[1], p) > 0.01);
            Assert.True(Sliced(sets[0], sets[1], p) + Sliced(sets[1], sets[2], p) >= Sliced(sets[0], sets[2], p) - 1e-12);
        }

        var (_, gradients) = GradientCheck.Of(t => Wasserstein.Sliced(t[0], sets[0], 20, 7), sets[0]);
        Assert.Equal(0, gradients[0].abs().max().item<double>());
        GradientCheck.Holds(t => Wasserstein.Sliced(t[0], t[1], 20, 7), sets[0], sets[1]);
    }

    /// <summary>Moved as a whole by v, a set is |v.direction| away along each direction: squared |v|^2 / D in the mean.</summary>
    [Fact]
    public void AShiftIsAsLargeAsItShouldBe()
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(50, 4, 9);
        var shift = tensor(new[] { 3.0, 0, 0, 4 });
        Assert.Equal(2.5, Wasserstein.Sliced(x, x + shift, 4000, 3).item<double>(), 0.1);
    }

    [Fact]
    public void DirectionsAreAFunctionOfTheSeedAndPreferNone()
    {
        using var scope = NewDisposeScope();
        var directions = Wasserstein.Directions(4000, 3, 5);
        Assert.True(directions.equal(Wasserstein.Directions(4000, 3, 5)).all().item<bool>());
        Assert.True(directions[..10].equal(Wasserstein.Directions(10, 3, 5)).all().item<bool>());
        Assert.False(directions.equal(Wasserstein.Directions(4000, 3, 6)).all().item<bool>());
        Assert.InRange((directions.norm(1) - 1).abs().max().item<double>(), 0, 1e-12);
        Assert.InRange(directions.mean([0]).abs().max().item<double>(), 0, 0.04); // 4 deviations
        Assert.InRange((directions.t().matmul(directions) / 4000 - (eye(3, dtype: float64) / 3)).abs().max().item<double>(), 0, 0.03);
    }

    [Fact]
    public void WhatCannotBeComparedIsSaid()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => Wasserstein.OneDimensional(zeros(2, 3), zeros(3, 3)));
        Assert.Throws<ArgumentException>(() => Wasserstein.OneDimensional(zeros(0), zeros(3)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Wasserstein.OneDimensional(zeros(3), zeros(3), 0.5));
        Assert.Throws<ArgumentException>(() => Wasserstein.Sliced(zeros(2, 3), zeros(2, 4), 5, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Wasserstein.Sliced(zeros(2, 3), zeros(2, 3), 0, 1));
    }
}

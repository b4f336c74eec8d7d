using SelfSup.Evaluation;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class LbfgsTests
{
    /// <summary>Rosenbrock's valley, the test of every line search: the minimum is 0 at (1, ..., 1).</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(10)]
    public void RosenbrocksValleyIsFollowedToItsEnd(int dimensions)
    {
        using var scope = NewDisposeScope();
        var point = full(dimensions, -1.2, float64);
        var outcome = Lbfgs.Minimize(
            (at, gradient) =>
            {
                var x = at.data<double>().ToArray();
                var g = new double[x.Length];
                var value = 0.0;
                for (var i = 0; i + 1 < x.Length; i++)
                {
                    var (valley, slope) = (x[i + 1] - (x[i] * x[i]), 1 - x[i]);
                    value += (100 * valley * valley) + (slope * slope);
                    g[i] += (-400 * x[i] * valley) - (2 * slope);
                    g[i + 1] += 200 * valley;
                }

                gradient.copy_(tensor(g));
                return value;
            },
            point,
            tolerance: 1e-10,
            maxIterations: 500);
        Assert.True(outcome.Converged);
        Assert.InRange(outcome.Iterations, 2, 200);
        Assert.True((point - 1).abs().max().item<double>() < 1e-8);
    }

    [Fact]
    public void AStartAtTheMinimumStays()
    {
        using var scope = NewDisposeScope();
        var point = zeros(3, float64);
        var outcome = Lbfgs.Minimize(Square, point, 1e-9, 100);
        Assert.Equal((0, true), (outcome.Iterations, outcome.Converged));
    }

    [Fact]
    public void TooFewIterationsAreSaid()
    {
        using var scope = NewDisposeScope();
        var outcome = Lbfgs.Minimize(Square, full(3, 100.0, float64), 1e-12, 1);
        Assert.False(outcome.Converged);
        Assert.Equal(1, outcome.Iterations);
    }

    [Fact]
    public void AToleranceBelowThePrecisionEnds()
    {
        using var scope = NewDisposeScope();
        // cosh has its minimum 1 where rounding of the value hides steps below 1e-8.
        var point = full(1, 3.0, float64);
        var outcome = Lbfgs.Minimize(
            (at, gradient) =>
            {
                gradient.copy_(at.sinh() - 1e-3);
                return (at.cosh() - (at * 1e-3)).sum().item<double>();
            },
            point,
            tolerance: 0,
            maxIterations: 1000);
        Assert.True(outcome.Converged);
        Assert.InRange(outcome.Iterations, 1, 100);
        Assert.Equal(Math.Asinh(1e-3), point.item<double>(), 1e-12);
    }

    [Theory]
    [InlineData(1e-3)]
    [InlineData(1.0)]
    [InlineData(1e3)]
    public void TheLineSearchMeetsBothWolfeConditions(double firstStep)
    {
        // Along this line the value falls from 0, passes a minimum near 1.4 and rises.
        static LinePoint At(double t) => new(t, -t * Math.Exp(-t * t / 4), ((t * t / 2) - 1) * Math.Exp(-t * t / 4));
        var found = new WolfeLineSearch(At, At(0)).Find(firstStep);
        Assert.NotNull(found);
        Assert.True(found.Value.Value <= 1e-4 * found.Value.Step * -1);
        Assert.True(Math.Abs(found.Value.Slope) <= 0.9);
    }

    [Fact]
    public void ADirectionThatOnlyRisesIsGivenUp() =>
        Assert.Null(new WolfeLineSearch(t => new(t, t, 1), new(0, 0, -1)).Find(1));

    private static double Square(Tensor at, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        gradient.copy_(at * tensor(new[] { 2.0, 4.0, 60.0 }));
        return (at * gradient).sum().item<double>() / 2;
    }
}

using SelfSup.Distances;
using SelfSup.Tests.Losses;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distances;

public sealed class MahalanobisFactorTests
{
    [Fact]
    public void AFactorOfAMatrixMultipliesToIt()
    {
        using var scope = NewDisposeScope();
        var half = LossComparison.Unit(3, 5, 1);
        var matrix = half.t().matmul(half); // of rank 3
        var factor = MahalanobisFactor.OfMatrix(matrix);
        Assert.Equal([3, 5], factor.shape);
        Assert.InRange((factor.t().matmul(factor) - matrix).abs().max().item<double>(), 0, 1e-12);

        Assert.Throws<ArgumentException>(() => MahalanobisFactor.OfMatrix(half));
        Assert.Throws<ArgumentException>(() => MahalanobisFactor.OfMatrix(-matrix));
        Assert.Throws<ArgumentException>(() => MahalanobisFactor.OfMatrix(tensor(new[,] { { 1.0, 0.5 }, { 0, 1 } })));
    }

    [Fact]
    public void FeaturesBecomeWhite()
    {
        using var scope = NewDisposeScope();
        var mixed = Mixed(50, out var labels);
        var white = mixed.matmul(MahalanobisFactor.OfFeatures(mixed, shrinkage: 0).t());
        Assert.InRange((Covariance(white, null) - eye(4, dtype: float64)).abs().max().item<double>(), 0, 1e-10);
        var within = mixed.matmul(MahalanobisFactor.OfFeatures(mixed, shrinkage: 0, labels).t());
        Assert.InRange((Covariance(within, labels) - eye(4, dtype: float64)).abs().max().item<double>(), 0, 1e-10);
        Assert.True((Covariance(within, null) - eye(4, dtype: float64)).abs().max().item<double>() > 1); // classes lie apart
    }

    [Fact]
    public void ShrinkageDrawsTheCovarianceToAMultipleOfTheIdentity()
    {
        using var scope = NewDisposeScope();
        var mixed = Mixed(50, out _);
        var covariance = Covariance(mixed, null);
        var shrunk = (covariance * 0.7) + (eye(4, dtype: float64) * covariance.trace() / 4 * 0.3);
        var factor = MahalanobisFactor.OfFeatures(mixed, shrinkage: 0.3);
        Assert.InRange((factor.t().matmul(factor).matmul(shrunk) - eye(4, dtype: float64)).abs().max().item<double>(), 0, 1e-10);
        var round = MahalanobisFactor.OfFeatures(mixed, shrinkage: 1); // nothing is left of the shape
        var expected = eye(4, dtype: float64) / (covariance.trace() / 4);
        Assert.InRange((round.t().matmul(round) - expected).abs().max().item<double>(), 0, 1e-10);
    }

    /// <summary>The estimators of Ledoit and Wolf as they are written, sample by sample.</summary>
    [Theory]
    [InlineData(50, false)]
    [InlineData(50, true)]
    [InlineData(3, false)]
    public void TheShrinkageIsLedoitAndWolfs(int rows, bool within)
    {
        using var scope = NewDisposeScope();
        var mixed = Mixed(rows, out var labels);
        var x = Centred(mixed, within ? labels : null);
        var covariance = Covariance(mixed, within ? labels : null);
        double Norm(Tensor m) => m.square().sum().item<double>() / 4; // the paper's norm is divided by the dimension
        var mean = covariance.trace().item<double>() / 4;
        var spread = Norm(covariance - (eye(4, dtype: float64) * mean));
        var error = Enumerable.Range(0, rows).Average(i => Norm(outer(x[i], x[i]) - covariance)) / rows;
        Assert.Equal(Math.Min(error, spread) / spread, MahalanobisFactor.LedoitWolf(mixed, within ? labels : null), 1e-12);
    }

    [Fact]
    public void FeaturesWithoutSpreadAreLeftOut()
    {
        using var scope = NewDisposeScope();
        var x = cat([LossComparison.Unit(20, 3, 2), ones(20, 1, dtype: float64)], 1);
        Assert.Equal([3, 4], MahalanobisFactor.OfFeatures(x, shrinkage: 0).shape);
        Assert.Equal([0, 4], MahalanobisFactor.OfFeatures(ones(5, 4)).shape);
        Assert.Throws<ArgumentException>(() => MahalanobisFactor.OfFeatures(zeros(0, 4)));
        Assert.Throws<ArgumentOutOfRangeException>(() => MahalanobisFactor.OfFeatures(x, shrinkage: 1.5));
    }

    private static Tensor Mixed(long rows, out Tensor labels)
    {
        labels = arange(rows, dtype: int64) % 2;
        var mixing = LossComparison.Unit(4, 4, 3) + eye(4, dtype: float64);
        return LossComparison.Unit(rows, 4, 4).matmul(mixing) + (labels.to(float64).unsqueeze(1) * 10);
    }

    private static Tensor Centred(Tensor x, Tensor? labels)
    {
        var centred = x.clone();
        foreach (var group in labels is null ? [ones([x.shape[0]], dtype: @bool)] : new[] { labels == 0, labels == 1 })
        {
            centred[group] = x[group] - x[group].mean([0]);
        }

        return centred;
    }

    private static Tensor Covariance(Tensor x, Tensor? labels)
    {
        var centred = Centred(x, labels);
        return centred.t().matmul(centred) / x.shape[0];
    }
}

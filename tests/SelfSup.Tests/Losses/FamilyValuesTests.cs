using SelfSup.Losses;
using SelfSup.Tensors;

using static SelfSup.Tests.Losses.LossComparison;
using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>Losses of the other families against their formulas, where the reference's numbers say nothing.</summary>
public sealed class FamilyValuesTests
{
    /// <summary>Once more rows than dimensions and once fewer, which go different ways.</summary>
    public static TheoryData<int, int, ScalarType> Shapes => new(
        from shape in new[] { (30, 7), (7, 30), (9, 9) }
        from type in new[] { ScalarType.Float64, ScalarType.Float32 }
        select (shape.Item1, shape.Item2, type));

    public static TheoryData<ScalarType, ScalarType> Slots => new()
    {
        { ScalarType.Float64, ScalarType.Float64 },
        { ScalarType.Float64, ScalarType.BFloat16 },
        { ScalarType.Float32, ScalarType.Float32 },
        { ScalarType.Float32, ScalarType.BFloat16 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void BarlowTwinsEqualsItsFormula(int rows, int width, ScalarType type)
    {
        using var scope = NewDisposeScope();
        Same(
            z => NaiveLosses.BarlowTwins(z[0], z[1], 0.005),
            z => BarlowTwins.Loss(z[0], z[1], 0.005),
            Normal(type, 1, rows, width),
            Normal(type, 2, rows, width));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void VicRegsCovarianceEqualsItsFormula(int rows, int width, ScalarType type)
    {
        using var scope = NewDisposeScope();
        Same(
            z => NaiveLosses.VicRegCovariance(z[0]) + (3 * NaiveLosses.VicRegCovariance(z[1])),
            z => VicReg.Loss(z[0], z[0], new VicRegWeights(0, 0, 0.5)) + VicReg.Loss(z[1], z[1], new VicRegWeights(0, 0, 1.5)),
            Normal(type, 1, rows, width),
            Normal(type, 2, rows, width));
    }

    [Fact]
    public void OneRowHasNoVariance()
    {
        using var scope = NewDisposeScope();
        var one = Normal(ScalarType.Float32, 1, 1, 4);
        Assert.Throws<ArgumentException>(() => VicReg.Loss(one, one, new VicRegWeights()));
    }

    [Fact]
    public void ALossWithoutAGraphIsTheSame()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Normal(ScalarType.Float64, 1, 5, 3).requires_grad_(), Normal(ScalarType.Float64, 2, 5, 3));
        var learned = BarlowTwins.Loss(x, y, 0.1);
        using var _ = no_grad();
        var constant = BarlowTwins.Loss(x, y, 0.1);
        Assert.Equal(learned.item<double>(), constant.item<double>());
        Assert.False(constant.requires_grad);
    }

    [Fact]
    public void OneSideMayBeConstant()
    {
        using var scope = NewDisposeScope();
        var other = Normal(ScalarType.Float64, 3, 6, 4);
        Same(z => NaiveLosses.BarlowTwins(z[0], other, 0.1), z => BarlowTwins.Loss(z[0], other, 0.1), Normal(ScalarType.Float64, 1, 6, 4));
        Same(z => NaiveLosses.BarlowTwins(other, z[0], 0.1), z => BarlowTwins.Loss(other, z[0], 0.1), Normal(ScalarType.Float64, 1, 6, 4));
    }

    [Fact]
    public void SinkhornEqualsItsFormula()
    {
        using var scope = NewDisposeScope();
        var scores = Unit(20, 6, 1);
        var codes = Sinkhorn.Codes(scores.requires_grad_(), 0.05, 3);
        Assert.False(codes.requires_grad);
        Assert.InRange((codes - NaiveLosses.Sinkhorn(scores, 0.05, 3)).abs().max().item<double>(), 0, 1e-12);
        var even = Sinkhorn.Codes(scores, 0.5, 50);
        Assert.InRange((even.sum(dim: 0) - (20.0 / 6)).abs().max().item<double>(), 0, 1e-6);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float32)]
    public void SinkhornOfLargeScoresStaysFinite(ScalarType type)
    {
        using var scope = NewDisposeScope();
        // One prototype is far from all samples, and one sample from all prototypes.
        var scores = Normal(type, 1, 12, 4);
        scores.narrow(1, 0, 1).sub_(5);
        scores.narrow(0, 0, 1).sub_(7);
        var codes = Sinkhorn.Codes(scores, 1e-3, 3);
        Assert.True(codes.isfinite().all().item<bool>());
        Assert.InRange((codes.sum(dim: 1) - 1).abs().max().to(float64).item<double>(), 0, 1e-5);
    }

    [Fact]
    public void CrossViewPredictionIsTheMeanOverPairs()
    {
        using var scope = NewDisposeScope();
        Tensor[] targets = [.. Enumerable.Range(0, 3).Select(i => Normal(ScalarType.Float64, 10 + i, 5, 4).softmax(1))];
        Same(
            z =>
            {
                var losses = from a in Enumerable.Range(0, 3)
                             from v in Enumerable.Range(0, 4)
                             where v != a
                             select -(targets[a] * (z[v] / 0.3).log_softmax(1)).sum(dim: 1).mean();
                return stack(losses.ToArray()).mean();
            },
            z => CrossViewPrediction.Loss(z, targets, 0.3),
            [.. Enumerable.Range(0, 4).Select(i => Normal(ScalarType.Float64, i, 5, 4))]);
        Assert.Throws<ArgumentException>(() => CrossViewPrediction.Loss(targets[..2], targets, 1));
        Assert.Throws<ArgumentException>(() => CrossViewPrediction.Loss(targets, [], 1));
    }

    [Fact]
    public void OneTargetIsOfTheOtherViewsOnly()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (Normal(ScalarType.Float64, 1, 5, 4), Normal(ScalarType.Float64, 2, 5, 4));
        var target = Normal(ScalarType.Float64, 3, 5, 4).softmax(1);
        var loss = CrossViewPrediction.Loss([first, second], [target], 1);
        Assert.Equal(-(target * second.log_softmax(1)).sum(dim: 1).mean().item<double>(), loss.item<double>(), 1e-12);
    }

    [Theory]
    [InlineData(1, ScalarType.Float64)]
    [InlineData(3, ScalarType.Float64)]
    [InlineData(3, ScalarType.Float32)]
    public void InBatchInfoNceIsCrossEntropyOverAllKeys(int ranks, ScalarType type)
    {
        using var scope = NewDisposeScope();
        Same(
            z => stack(Enumerable.Range(0, ranks).Select(rank => nn.functional.cross_entropy(
                z[0].narrow(0, rank * 6, 6).mm(z[1].t()) / 0.2, arange(6, dtype: int64) + (rank * 6))).ToArray()).sum(),
            z => stack(Enumerable.Range(0, ranks).Select(
                rank => InfoNce.InBatch(z[0].narrow(0, rank * 6, 6), z[1], rank, 0.2)).ToArray()).sum(),
            Unit(ranks * 6, 5, 1).to(type),
            Unit(ranks * 6, 5, 2).to(type));
    }

    [Fact]
    public void AQueryWithoutOtherKeysHasNothingToLearnFrom()
    {
        using var scope = NewDisposeScope();
        var z = Unit(1, 5, 1).requires_grad_();
        var loss = InfoNce.InBatch(z, Unit(1, 5, 2), 0, 0.1);
        GuardedBackward.Run(loss);
        Assert.Equal(0, loss.item<double>());
        Assert.Equal(0, z.grad!.abs().max().item<double>());
        Assert.Equal(0, InfoNce.Bound(loss.item<double>(), 1));
    }

    [Theory]
    [MemberData(nameof(Slots))]
    public void NoiseContrastiveEstimationEqualsItsFormula(ScalarType type, ScalarType ofSlots)
    {
        using var scope = NewDisposeScope();
        var (slots, samples) = (Unit(50, 8, 2).to(ofSlots), tensor(new long[] { 3, 49, 0, 3, 17 }));
        using var generator = new Generator(3);
        var negatives = randint(50, [5, 20], dtype: int64, generator: generator);
        var embeddings = Unit(5, 8, 1).to(type);
        var normaliser = NoiseContrastive.Normaliser(embeddings, slots, samples, negatives, 0.1);
        var rows = slots.to(float64)[cat([samples.unsqueeze(1), negatives], 1)];
        var expected = ((rows * embeddings.to(float64).unsqueeze(1)).sum(dim: 2) / 0.1).exp().mean().item<double>() * 50;
        Assert.Equal(1, normaliser / expected, type == ScalarType.Float64 ? 1e-12 : 1e-5);
        Same(
            z => 2 * NaiveLosses.NoiseContrastive(z[0], slots, samples, negatives, 0.1, normaliser),
            z => 2 * NoiseContrastive.Loss(z[0], slots, samples, negatives, 0.1, normaliser),
            embeddings);
    }

    /// <summary>More than is gathered at once.</summary>
    [Fact]
    public void NoiseContrastiveEstimationInSlicesEqualsItsFormula()
    {
        using var scope = NewDisposeScope();
        var (slots, samples) = (Unit(3000, 64, 2), arange(10, dtype: int64));
        using var generator = new Generator(3);
        var negatives = randint(3000, [10, 2000], dtype: int64, generator: generator);
        var embeddings = Unit(10, 64, 1);
        var normaliser = NoiseContrastive.Normaliser(embeddings, slots, samples, negatives, 0.2);
        Same(
            z => NaiveLosses.NoiseContrastive(z[0], slots, samples, negatives, 0.2, normaliser) / 1000,
            z => NoiseContrastive.Loss(z[0], slots, samples, negatives, 0.2, normaliser) / 1000,
            embeddings);
    }

    [Fact]
    public void NoiseContrastiveEstimationRefusesWhatDoesNotFit()
    {
        using var scope = NewDisposeScope();
        var (z, slots) = (Unit(2, 4, 1), Unit(9, 4, 2));
        var (samples, negatives) = (tensor(new long[] { 1, 2 }), zeros([2, 3], dtype: int64));
        Assert.Throws<ArgumentException>(() => NoiseContrastive.Loss(z, slots, samples, negatives.narrow(0, 0, 1), 0.1, 1));
        Assert.Throws<ArgumentException>(() => NoiseContrastive.Loss(z, slots.requires_grad_(), samples, negatives, 0.1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => NoiseContrastive.Loss(z, slots, samples, negatives, 0.1, 0));
    }

    private static Tensor Normal(ScalarType type, int seed, long rows, long width)
    {
        using var generator = new Generator((ulong)seed);
        return randn([rows, width], dtype: float64, generator: generator).to(type);
    }
}

using SelfSup.Losses;
using SelfSup.Tensors;

using static SelfSup.Tests.Losses.LossComparison;
using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

/// <summary>Every loss against its formula with the whole matrix, values and gradients.</summary>
public sealed class LossValuesTests
{
    private const double Temperature = 0.2;

    private static readonly Dictionary<string, (Func<Tensor[], Tensor> Tiled, Func<Tensor[], Tensor> Naive)> _ofRanks = new()
    {
        ["NtXent"] = (
            z => Ranks(z, (local, all, rank) => NtXent.Loss(local, all, rank, Temperature)),
            z => Ranks(z, (local, all, rank) => NaiveLosses.NtXent(local, all, rank, Temperature))),
        ["Dcl"] = (
            z => Ranks(z, (local, all, rank) => Dcl.Loss(local, all, rank, Temperature)),
            z => Ranks(z, (local, all, rank) => NaiveLosses.Dcl(local, all, rank, Temperature, null))),
        ["Dclw"] = (
            z => Ranks(z, (local, all, rank) => Dcl.WeightedLoss(local, all, rank, Temperature, 0.5)),
            z => Ranks(z, (local, all, rank) => NaiveLosses.Dcl(local, all, rank, Temperature, 0.5))),
        ["SupCon"] = (
            z => Ranks(z, (local, all, rank) => SupCon.Loss(local, all, Labels(all), rank, Temperature)),
            z => Ranks(z, (local, all, rank) => NaiveLosses.SupCon(local, all, Labels(all), rank, Temperature))),
    };

    public static TheoryData<string, int> Cases => new(_ofRanks.Keys.SelectMany(name => new[] { 1, 3 }.Select(ranks => (name, ranks))));

    [Theory]
    [MemberData(nameof(Cases))]
    public void ALossOfViewsEqualsItsFormulaOnOneRankAndOnMore(string name, int ranks)
    {
        using var scope = NewDisposeScope();
        var inputs = Enumerable.Range(0, ranks).Select(rank => Unit(8, 5, 10 + rank)).ToArray();
        Same(_ofRanks[name].Naive, _ofRanks[name].Tiled, inputs);
    }

    [Fact]
    public void InfoNceEqualsItsFormula()
    {
        using var scope = NewDisposeScope();
        Tensor[] inputs = [Unit(6, 5, 1), Unit(6, 5, 2), Unit(20, 5, 3)];
        Same(
            z => NaiveLosses.InfoNce(z[0], z[1], z[2], Temperature),
            z => InfoNce.Loss(z[0], z[1], z[2], Temperature),
            inputs);
        var bank = Unit(20, 5, 4).to(bfloat16);
        Same(
            z => NaiveLosses.InfoNce(z[0], z[1], bank, Temperature),
            z => InfoNce.Loss(z[0], z[1], bank, Temperature),
            inputs[..2]);
    }

    /// <summary>Where positives are far closer than negatives, a difference of two logarithms would have no digits left.</summary>
    [Fact]
    public void InfoNceOfEasyNegativesKeepsItsDigits()
    {
        using var scope = NewDisposeScope();
        var query = tensor(new[,] { { 1.0f, 0 } });
        var negatives = tensor(new[,] { { -1.0f, 0 } });
        Assert.Equal(Math.Exp(-20), InfoNce.Loss(query, query, negatives, 0.1).item<float>(), 1e-13);
    }

    [Fact]
    public void InfoNceOfRandomNegativesIsAboutTheLogarithmOfTheirNumber()
    {
        using var scope = NewDisposeScope();
        Tensor[] z = [Unit(200, 128, 1), Unit(200, 128, 2), Unit(4000, 128, 3)];
        Assert.Equal(Math.Log(1 + 4000), InfoNce.Loss(z[0], z[1], z[2], 1).item<double>(), 0.02);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TheNonParametricSoftmaxEqualsItsFormula(bool half)
    {
        using var scope = NewDisposeScope();
        var slots = Unit(30, 5, 2);
        slots = half ? slots.to(bfloat16) : slots;
        var samples = tensor(new long[] { 3, 29, 0, 3, 17, 8 });
        Same(
            z => NaiveLosses.NonParametricSoftmax(z[0], slots, samples, Temperature),
            z => NonParametricSoftmax.Loss(z[0], slots, samples, Temperature),
            Unit(6, 5, 1));
    }

    [Fact]
    public void OneImageAloneHasNothingToLearnFrom()
    {
        using var scope = NewDisposeScope();
        var z = Unit(2, 5, 1).requires_grad_();
        var loss = NtXent.Loss(z, z, 0, Temperature);
        GuardedBackward.Run(loss);
        Assert.Equal(0, loss.item<double>(), 1e-15);
        Assert.Equal(0, z.grad!.abs().max().item<double>(), 1e-15);
    }

    [Fact]
    public void SupConWithoutPositivesIsZero()
    {
        using var scope = NewDisposeScope();
        var z = Unit(4, 5, 1).requires_grad_();
        var loss = SupCon.Loss(z, z, arange(4, dtype: int64), 0, Temperature);
        GuardedBackward.Run(loss);
        Assert.Equal(0, loss.item<double>());
        Assert.Equal(0, z.grad!.abs().max().item<double>());
    }

    [Fact]
    public void SupConOfPairsIsNtXent()
    {
        using var scope = NewDisposeScope();
        var z = Unit(10, 5, 1);
        var images = arange(5, dtype: int64).repeat(2);
        Assert.Equal(NtXent.Loss(z, z, 0, 0.3).item<double>(), SupCon.Loss(z, z, images, 0, 0.3).item<double>(), 1e-12);
    }

    /// <summary>The sum of all ranks' losses; the ranks' gather with gradient is a concatenation here.</summary>
    private static Tensor Ranks(Tensor[] locals, Func<Tensor, Tensor, int, Tensor> loss)
    {
        var all = locals.Length == 1 ? locals[0] : cat(locals);
        return stack(locals.Select((local, rank) => loss(local, all, rank)).ToArray()).sum();
    }

    /// <summary>A class with one member, and some with many.</summary>
    private static Tensor Labels(Tensor all) => cat([tensor(new long[] { -7 }), arange(all.shape[0] - 1, dtype: int64) % 3]);
}

using SelfSup.Diagnostics;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Diagnostics;

public sealed class EmbeddingSpaceTests
{
    private const double Tolerance = 1e-9;

    [GoldenComponent("representation_quality")]
    internal static void TheSpaceLooksAsToTheReference(GoldenCase golden)
    {
        double Output(string name) => golden.Outputs.GetProperty(name).GetDouble();
        double Setting(string name) => golden.Params.GetProperty(name).GetDouble();
        var x = GoldenCase.Tensor(golden.Input("x")).requires_grad_();
        var y = GoldenCase.Tensor(golden.Input("y")).requires_grad_();
        var alignment = EmbeddingSpace.Alignment(Unit(x), Unit(y), Setting("alpha"));
        var (ofX, ofY) = (EmbeddingSpace.Uniformity(Unit(x), Setting("t")), EmbeddingSpace.Uniformity(Unit(y), Setting("t")));
        GoldenCase.Close(golden.Outputs.GetProperty("alignment"), alignment, Tolerance);
        GoldenCase.Close(golden.Outputs.GetProperty("uniformity_x"), ofX, Tolerance);
        GoldenCase.Close(golden.Outputs.GetProperty("uniformity_y"), ofY, Tolerance);
        var loss = alignment + (Setting("hypersphere_lambda") * (ofX + ofY) / 2);
        GoldenCase.Close(golden.Outputs.GetProperty("hypersphere_loss"), loss, Tolerance);
        loss.backward();
        GoldenCase.Close(golden.Gradients.GetProperty("hypersphere_loss.x"), x.grad!, Tolerance);
        GoldenCase.Close(golden.Gradients.GetProperty("hypersphere_loss.y"), y.grad!, Tolerance);

        var low = GoldenCase.Tensor(golden.Input("low_rank"));
        Assert.Equal(Output("rankme_x"), EmbeddingSpace.RankMe(x), Tolerance);
        Assert.Equal(Output("rankme_low_rank"), EmbeddingSpace.RankMe(low), Tolerance);
        Assert.Equal(Output("effective_rank_x"), EmbeddingSpace.EffectiveRank(x), Tolerance);
        Assert.Equal(Output("effective_rank_low_rank"), EmbeddingSpace.EffectiveRank(low), Tolerance);
        Assert.Equal(Output("effective_rank_x_centred"), EmbeddingSpace.EffectiveRank(x, centred: true), Tolerance);
    }

    [Theory]
    [InlineData(40, 12)]
    [InlineData(12, 40)]
    public void RanksOfFloat32AreThoseOfFloat64(int rows, int width)
    {
        using var scope = NewDisposeScope();
        var x = Numbers.Normal(rows, width);
        Assert.Equal(EmbeddingSpace.RankMe(x.to(float64)), EmbeddingSpace.RankMe(x), 1e-6);
        Assert.Equal(EmbeddingSpace.EffectiveRank(x.to(float64), true), EmbeddingSpace.EffectiveRank(x, true), 1e-3);
    }

    [Fact]
    public void WhatIsZeroHasRankOneAndWhatIsNotFiniteHasNone()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(1, EmbeddingSpace.RankMe(zeros(4, 3)));
        Assert.Equal(1, EmbeddingSpace.EffectiveRank(ones(4, 3, dtype: float64), centred: true));
        Assert.Equal(double.NaN, EmbeddingSpace.RankMe(full([4, 3], double.NaN)));
    }

    [Fact]
    public void SimilaritiesAreCosinesWithTheOwnAndTheNearestOther()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[,] { { 2.0, 0 }, { 0, 5 }, { -1, 0 } });
        var y = tensor(new[,] { { 3.0, 0 }, { 0.8, 0.6 }, { 0, -1 } });
        Assert.Equal((1 + 0.6 + 0) / 3, EmbeddingSpace.PositiveSimilarity(x, y), 1e-12);
        Assert.Equal((0.8 + 0 - 0.8) / 3, EmbeddingSpace.HardestNegativeSimilarity(x, y), 1e-12);
        Assert.Equal(x.std(0, unbiased: true).mean().item<double>(), EmbeddingSpace.MeanStandardDeviation(x), 1e-12);
        Assert.Throws<ArgumentException>(() => EmbeddingSpace.HardestNegativeSimilarity(x.narrow(0, 0, 1), y.narrow(0, 0, 1)));
    }

    private static Tensor Unit(Tensor rows) => nn.functional.normalize(rows, dim: 1);
}

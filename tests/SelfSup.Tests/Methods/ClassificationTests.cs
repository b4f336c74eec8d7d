using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

public sealed class ClassificationTests
{
    private const int Classes = 3;

    /// <summary>Against the formula in plain doubles: the mean of -sum_k t_k log p_k, with smoothed and mixed targets.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1, 0)]
    [InlineData(0, 0.4)]
    [InlineData(0.2, 2)]
    public void TheLossIsTheCrossEntropyOfSmoothedAndMixedTargets(double smoothing, double alpha)
    {
        using var scope = NewDisposeScope();
        using var method = new Classification(new() { LabelSmoothing = smoothing, Mixup = alpha }, Context(5));
        using var batch = Batch(5, step: 7);
        var features = randn([5, method.Encoder.Widths.Features], float64);
        var loss = method.Compare(batch, new Embeddings([features], [])).item<double>();

        var logits = Rows(method.Encoder.Part<Linear>("classifier").call(features));
        var labels = batch.Labels.data<long>().ToArray();
        var shares = alpha > 0 ? new Mixup(alpha, 1).Shares(batch).data<float>().ToArray() : [1f, 1, 1, 1, 1];
        var expected = 0.0;
        for (var row = 0; row < 5; row++)
        {
            var partner = row == 4 ? 4 : row ^ 1;
            var log = Math.Log(logits[row].Sum(Math.Exp));
            for (var k = 0; k < Classes; k++)
            {
                double Target(long label) => ((1 - smoothing) * (label == k ? 1 : 0)) + (smoothing / Classes);
                var target = (shares[row] * Target(labels[row])) + ((1 - shares[row]) * Target(labels[partner]));
                expected -= target * (logits[row][k] - log) / 5;
            }
        }

        Assert.Equal(expected, loss, 1e-6); // shares are float32
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void ImagesAreBlendedWithTheirNeighbours(int images)
    {
        using var scope = NewDisposeScope();
        var mixup = new Mixup(0.8, seed: 3);
        foreach (var channelsLast in new[] { false, true })
        {
            using var batch = Batch(images, step: 2, channelsLast);
            var blended = mixup.Apply(batch);
            var shares = mixup.Shares(batch).data<float>().ToArray();
            Assert.Equal(batch.Views[0].stride(), blended.Views[0].stride());
            for (var row = 0; row < images; row++)
            {
                var partner = row == images - 1 && images % 2 == 1 ? row : row ^ 1;
                Assert.Equal(shares[row], shares[partner]);
                var expected = (shares[row] * batch.Views[0][row]) + ((1 - shares[row]) * batch.Views[0][partner]);
                Assert.InRange((blended.Views[0][row] - expected).abs().max().to(float64).item<double>(), 0, 1e-6);
            }

            Assert.Equal(images % 2 == 1 ? 1f : shares[^1], shares[^1]);
            Assert.True(Mixup.Partners(batch.Labels)[0].equal(batch.Labels[1]).item<bool>());
        }
    }

    /// <summary>Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)).</summary>
    [Theory]
    [InlineData(0.2)]
    [InlineData(1)]
    [InlineData(4)]
    public void SharesAreBetaDistributed(double alpha)
    {
        using var scope = NewDisposeScope();
        var mixup = new Mixup(alpha, seed: 5);
        var shares = Enumerable.Range(0, 4000).Select(step =>
        {
            using var batch = new ViewBatch(step, 0, tensor(new long[] { step, 1 }), zeros(2, int64), [zeros(2, 3, 1, 1)]);
            return (double)mixup.Shares(batch)[0].item<float>();
        }).ToArray();
        Assert.All(shares, share => Assert.InRange(share, 0, 1));
        Assert.Equal(0.5, shares.Average(), 0.03);
        var variance = 1 / (4 * ((2 * alpha) + 1));
        Assert.Equal(variance, shares.Average(share => (share - 0.5) * (share - 0.5)), 0.1 * variance);
    }

    /// <summary>Both powers of Jöhnk's method are 0 in doubles there: all that is left is which of the two is larger.</summary>
    [Fact]
    public void AVerySmallAlphaBlendsNothing()
    {
        using var scope = NewDisposeScope();
        using var batch = Batch(4, step: 9);
        Assert.All(new Mixup(1e-20, 4).Shares(batch).data<float>().ToArray(), share => Assert.True(share is 0 or 1));
    }

    /// <summary>SimCLR v2 fine-tunes from a layer of the head, which is wider than the backbone's features.</summary>
    [Fact]
    public void TheClassifierIsAsWideAsWhatTheHeadLeaves()
    {
        var options = new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new() { Layers = 3, Hidden = 24, Output = 8, Kept = 1 } };
        using var run = new Support.SmallRun("classification", encoder: options);
        Assert.All(run.Run(0, 2), loss => Assert.True(double.IsFinite(loss)));
        Assert.Equal([2L, 24], run.Method.Encoder.Part<Linear>("classifier").weight!.shape);
    }

    [Fact]
    public void ABatchIsBlendedAlikeEachTime()
    {
        using var scope = NewDisposeScope();
        using var batch = Batch(4, step: 9);
        Assert.True(new Mixup(1, 4).Shares(batch).equal(new Mixup(1, 4).Shares(batch)).all().item<bool>());
        Assert.False(new Mixup(1, 4).Shares(batch).equal(new Mixup(1, 5).Shares(batch)).all().item<bool>());
    }

    [Fact]
    public void AClassifierOfOneClassIsRefused() => Assert.StartsWith(
        "method: classification is among two classes at least, the training images are of 1",
        Assert.Throws<RecipeException>(() => new Classification(new(), Context(4) with { Classes = 1 })).Message,
        StringComparison.Ordinal);

    [Fact]
    public void BatchAccuracyCountsWhatIsRight()
    {
        using var scope = NewDisposeScope();
        using var method = new Classification(new(), Context(5));
        using var batch = Batch(5, step: 0);
        using var _ = no_grad();
        var classifier = method.Encoder.Part<Linear>("classifier");
        classifier.weight!.zero_();
        classifier.bias!.copy_(tensor(new[] { 0.0, 1, 0 })); // always class 1: images 1 and 4
        var (name, value) = Assert.Single(method.Facts(batch, new Embeddings([zeros([5, method.Encoder.Widths.Features], float64)], []), 0));
        Assert.Equal(("batchAccuracy", 0.4), (name, value));
    }

    private static MethodContext Context(int images) => SmallMethods.Context(images) with { Classes = Classes };

    private static ViewBatch Batch(int images, long step, bool channelsLast = false)
    {
        var view = Support.Numbers.Normal(images, 3, 4, 4).to(channelsLast ? float32 : float64);
        return new(
            step, 0, arange(images), arange(images).remainder(Classes),
            [channelsLast ? view.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : view]);
    }

    private static double[][] Rows(Tensor matrix) =>
        [.. Enumerable.Range(0, (int)matrix.shape[0]).Select(row => matrix[row].detach().contiguous().data<double>().ToArray())];
}

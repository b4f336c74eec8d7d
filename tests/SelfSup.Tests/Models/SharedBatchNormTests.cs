using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Tests.Models;

/// <summary>Parts of a batch on several ranks are normalised as libtorch normalises the joined batch.</summary>
public sealed class SharedBatchNormTests
{
    private const int Channels = 5;

    [Theory]
    [InlineData(2, false, true)]
    [InlineData(3, false, true)]
    [InlineData(4, true, true)]
    [InlineData(2, true, false)]
    public void ItIsBatchNormOverTheJoinedBatch(int ranks, bool images, bool affine)
    {
        using var scope = NewDisposeScope();
        long[] shape = images ? [12, Channels, 3, 2] : [12, Channels];
        var x = (Numbers.Normal(shape).to(float64) * 3) + 100; // far from zero: a square of the mean would drown the variance
        var dy = Numbers.Normal([.. shape]).to(float64).roll(1, 0);
        var expected = Norm(affine, images);
        var whole = x.clone().requires_grad_();
        var y = expected.call(whole);
        GuardedBackward.Run([y], [dy]);

        ThreadRanks.Run(ranks, communicator =>
        {
            var (length, first) = (12 / ranks, 12 / ranks * communicator.Rank);
            var norm = Norm(affine, images);
            var part = x.narrow(0, first, length).clone().requires_grad_();
            BatchNormalisation.Exchange = new RankExchange(communicator);
            try
            {
                var own = BatchNormalisation.Apply(norm, part, rectify: false);
                GuardedBackward.Run([own], [dy.narrow(0, first, length)]);
                Close(y.narrow(0, first, length), own);
                Close(whole.grad!.narrow(0, first, length), part.grad!);
                Close(expected.running_mean!, norm.running_mean!);
                Close(expected.running_var!, norm.running_var!);
                Assert.Equal(1, norm.num_batches_tracked!.to(float64).item<double>());
                if (affine)
                {
                    foreach (var (one, all) in norm.parameters().Zip(expected.parameters()))
                    {
                        var sum = one.grad!.clone();
                        communicator.AllReduce(sum, SelfSup.Distributed.Reduction.Sum);
                        Close(all.grad!, sum); // each rank has the part of its own rows
                    }
                }
            }
            finally
            {
                BatchNormalisation.Exchange = null;
            }
        });
    }

    /// <summary>The fused kernels of float32 channels-last share their batch by the same exchange.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void TheFusedOneIsToo(int ranks)
    {
        using var scope = NewDisposeScope();
        var x = Numbers.Normal(8, 4, 4, Channels).permute(0, 3, 1, 2);
        var dy = Numbers.Normal(8, 4, 4, Channels).roll(1, 0).permute(0, 3, 1, 2);
        var expected = nn.BatchNorm2d(Channels);
        var whole = x.clone().requires_grad_();
        var y = expected.call(whole);
        GuardedBackward.Run([y], [dy]);
        ThreadRanks.Run(ranks, communicator =>
        {
            var (length, first) = (8 / ranks, 8 / ranks * communicator.Rank);
            var norm = nn.BatchNorm2d(Channels);
            var part = x.narrow(0, first, length).detach().requires_grad_();
            BatchNormalisation.Exchange = new RankExchange(communicator);
            try
            {
                Assert.True(FusedBatchNorm.Takes(norm, part, shortcut: null));
                var own = BatchNormalisation.Apply(norm, part, rectify: false);
                GuardedBackward.Run([own], [dy.narrow(0, first, length)]);
                Close(y.narrow(0, first, length), own, 1e-5);
                Close(whole.grad!.narrow(0, first, length), part.grad!, 1e-5);
                Close(expected.running_var!, norm.running_var!, 1e-6);
            }
            finally
            {
                BatchNormalisation.Exchange = null;
            }
        });
    }

    private static NormBase Norm(bool affine, bool images)
    {
        NormBase norm = images ? nn.BatchNorm2d(Channels, affine: affine, dtype: float64) : nn.BatchNorm1d(Channels, affine: affine, dtype: float64);
        using var _ = no_grad();
        if (affine)
        {
            norm.weight!.copy_(linspace(0.5, 2, Channels, float64));
            norm.bias!.copy_(linspace(-1, 1, Channels, float64));
        }

        return norm;
    }

    private static void Close(Tensor expected, Tensor actual, double tolerance = 1e-12) =>
        Assert.InRange((expected - actual).abs().max().to(float64).item<double>(), 0, tolerance);
}

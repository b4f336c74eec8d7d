using SelfSup.Distributed;
using SelfSup.Models;
using SelfSup.Tensors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>Gradients that are averaged beside the backward pass: every one once, and none before it is complete.</summary>
public sealed class GradientAverageTests
{
    public static TheoryData<string, bool, bool> Networks => new()
    {
        { "resnet18", false, false },
        { "resnet18", true, false },
        { "resnet18", false, true }, // two passes through the same stages
        { "vitTiny", false, false },
        { "vitTiny", true, true },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void EveryGradientIsAveragedOnceAndComplete(string backbone, bool recompute, bool twice)
    {
        using var scope = NewDisposeScope();
        using var encoder = Create(backbone, recompute);
        using var ranks = new Recorder(encoder);
        var average = new GradientAverage(encoder, ranks, overlaps: true, smallestSegmentBytes: 4096);
        Backward(encoder, average.Watch, twice);
        var early = ranks.Begun.Count;
        average.Finish();

        Assert.True(early >= 2, $"{early} segments were on their way before the backward pass had ended");
        var complete = encoder.Parameters.Gradients;
        long end = 0;
        foreach (var (first, values) in ranks.Begun.OrderBy(segment => segment.First))
        {
            Assert.Equal(end, first);
            Assert.True((values == complete.narrow(0, first, values.numel())).all().item<bool>(), $"the segment at {first} was not complete");
            end += values.numel();
        }

        Assert.Equal(complete.numel(), end);
        Assert.All(ranks.Begun.Take(early), segment => Assert.True(segment.Values.numel() * 4 >= 4096));
    }

    [Fact]
    public void WithoutOverlapItIsOneMessageAtTheEnd()
    {
        using var scope = NewDisposeScope();
        using var encoder = Create("resnet18", recompute: false);
        using var ranks = new Recorder(encoder);
        var average = new GradientAverage(encoder, ranks, overlaps: false);
        Assert.Null(average.Watch);
        Backward(encoder, average.Watch, twice: false);
        Assert.Empty(ranks.Begun);
        average.Finish();
        Assert.Equal(encoder.Parameters.Gradients.numel(), Assert.Single(ranks.Begun).Values.numel());
    }

    /// <summary>A pass that no loss depends on leaves its stages open; the next step begins anew.</summary>
    [Fact]
    public void AResultThatIsThrownAwayDelaysAndBreaksNothing()
    {
        using var scope = NewDisposeScope();
        using var encoder = Create("resnet18", recompute: false);
        using var ranks = new Recorder(encoder);
        var average = new GradientAverage(encoder, ranks, overlaps: true, smallestSegmentBytes: 4096);
        StageMark.Watch = average.Watch;
        _ = encoder.Embed(Numbers.Normal(2, 3, 32, 32));
        StageMark.Watch = null;
        Backward(encoder, average.Watch, twice: false);
        Assert.Empty(ranks.Begun);
        average.Finish();
        Assert.Equal(encoder.Parameters.Gradients.numel(), ranks.Begun.Sum(segment => segment.Values.numel()));

        ranks.Begun.Clear();
        Backward(encoder, average.Watch, twice: false);
        Assert.NotEmpty(ranks.Begun);
        average.Finish();
    }

    private static void Backward(Encoder encoder, IStageWatch? watch, bool twice)
    {
        encoder.Parameters.Gradients.zero_();
        StageMark.Watch = watch;
        var loss = encoder.Embed(Numbers.Normal(2, 3, 32, 32)).select(1, 0).sum();
        if (twice)
        {
            loss += encoder.Embed(Numbers.Normal(3, 3, 32, 32)).select(1, 1).sum();
        }

        StageMark.Watch = null;
        GuardedBackward.Run(loss);
    }

    private static Encoder Create(string backbone, bool recompute)
    {
        var options = new EncoderOptions { Backbone = backbone, Head = new HeadOptions { Output = 16 } };
        if (backbone.StartsWith("vit", StringComparison.Ordinal))
        {
            options.Vit = new VisionTransformerOptions { ImageSize = 32, PatchSize = 16 };
        }
        else
        {
            options.Width = 0.25;
        }

        return Encoder.Create(options, 1, new Compute(CPU, Precision.Float32) { RecomputesActivations = recompute, ChannelsLast = false });
    }

    /// <summary>Notes what a segment holds when its average begins.</summary>
    private sealed class Recorder(Encoder encoder) : PretendedRanks
    {
        public List<(long First, Tensor Values)> Begun { get; } = [];

        internal override PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction)
        {
            Assert.Equal(Reduction.Mean, reduction);
            Begun.Add((tensor.storage_offset() - encoder.Parameters.Gradients.storage_offset(), tensor.detach().clone().DetachFromDisposeScope()));
            return PendingReduction.Done;
        }
    }
}

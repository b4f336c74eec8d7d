using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Negatives;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

public sealed class MoCoTests
{
    private static readonly EncoderOptions _options = new()
    {
        Backbone = "resnet20",
        Width = 0.25,
        Head = new HeadOptions { Layers = 1, Output = 8, BatchNorm = HeadNorm.None },
    };

    [Fact]
    public void AQueueShorterThanABatchIsRefused()
    {
        var error = Assert.Throws<RecipeException>(() => Create(new MoCoOptions { QueueLength = 7 }));
        Assert.Contains("method.queueLength: must be at least the 8 keys of a step, is 7", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AQueueGoesOnAtItsBeginningWithinABatch()
    {
        using var scope = NewDisposeScope();
        using var queue = new NegativeQueue(5, 2, 1, ones(1));
        Assert.True(queue.Keys.norm(1).allclose(ones(5)));
        Assert.Equal(0, queue.Filled);
        Tensor Keys(int first, int count) => arange(first, first + count, dtype: float32).unsqueeze(1).expand(count, 2);
        queue.Enqueue(Keys(0, 3));
        queue.Enqueue(Keys(3, 3)); // 3 and 4 end it, 5 is at its beginning
        Assert.Equal([5, 1, 2, 3, 4], queue.Keys.select(1, 0).data<float>());
        Assert.Equal(1, queue.Filled);
        queue.Enqueue(Keys(6, 12)); // more than it holds: the last five stay
        Assert.Equal([13, 14, 15, 16, 17], queue.Keys.select(1, 0).data<float>().Order());
        Assert.Equal(1, queue.MeanAge(perStep: 5));
        Assert.Equal(3, queue.MeanAge(perStep: 1));
    }

    [Fact]
    public void PartsAreNormalisedByThemselvesAndKeysInAnotherOrder()
    {
        using var scope = NewDisposeScope();
        using var whole = Create(new MoCoOptions());
        using var parts = Create(new MoCoOptions { SplitBatchNorm = 2 });
        var batch = Batch(step: 4);
        using var _ = no_grad();
        var half = whole.Encoder.Embed(batch.Views[0].narrow(0, 4, 4));
        Assert.True(parts.Embed(parts.Encoder, batch)[0].narrow(0, 4, 4).allclose(half, atol: 1e-6));

        var keys = parts.Target(batch)[0];
        Assert.False(keys.allclose(whole.Target(batch)[0], atol: 1e-4));
        var (first, second) = (batch.Views[1].narrow(0, 0, 4), batch.Views[1].narrow(0, 4, 4));
        Assert.False(keys.allclose(cat([parts.Encoder.Embed(first), parts.Encoder.Embed(second)]), atol: 1e-4)); // not the batch's order
        Assert.True(keys.equal(parts.Target(batch)[0]).all().item<bool>()); // drawn for the step
        Assert.False(keys.equal(parts.Target(Batch(step: 5))[0]).all().item<bool>());

        // With running statistics the order does not matter, and keys are those of their images.
        foreach (var encoder in parts.Encoders)
        {
            encoder.eval();
        }

        Assert.True(parts.Target(batch)[0].allclose(parts.Encoders.Last().Embed(batch.Views[1]), atol: 1e-5));
    }

    [Fact]
    public void SymmetricIsTheMeanOfBothDirections()
    {
        using var scope = NewDisposeScope();
        using var both = Create(new MoCoOptions { Symmetric = true, QueueLength = 16 });
        using var one = Create(new MoCoOptions { QueueLength = 16 });
        using var _ = no_grad();
        var batch = Batch(0);
        var turned = new ViewBatch(0, 0, batch.Samples, batch.Labels, [batch.Views[1], batch.Views[0]]);
        double Loss(MoCo method, ViewBatch of) =>
            method.Compare(of, new Embeddings(method.Embed(method.Encoder, of), method.Target(of))).item<float>();
        Assert.Equal((Loss(one, batch) + Loss(one, turned)) / 2, Loss(both, batch), 1e-5);
    }

    [Fact]
    public void TheKeyEncoderHasNoGradientsAndFollows()
    {
        using var method = Create(new MoCoOptions { KeyMomentum = 0.75 });
        using var scope = NewDisposeScope();
        var key = method.Encoders.Last();
        Assert.All(key.parameters(), p => Assert.False(p.requires_grad));
        var before = key.Parameters.Values.clone();
        Assert.True(before.equal(method.Encoder.Parameters.Values).all().item<bool>());
        using (no_grad())
        {
            method.Encoder.Parameters.Values.add_(1);
        }

        method.Commit(Batch(0), new Embeddings([], [zeros(8, 8)]));
        Assert.True(key.Parameters.Values.allclose(before + 0.25));
    }

    private static MoCo Create(MoCoOptions options) => new(
        options,
        new MethodContext(parts => Encoder.Create(_options, 3, Computing.Cpu, parts), 100, Communicator.Single) { GlobalBatchSize = 8 });

    private static ViewBatch Batch(int step) => new(
        step, 0, arange(8), zeros(8, int64), [Numbers.Normal(8, 3, 16, 16), Numbers.Normal(8, 3, 16, 16).roll(1, 1) * 1.3]);
}

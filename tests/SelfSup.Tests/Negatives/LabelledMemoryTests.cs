using SelfSup.Checkpoints;
using SelfSup.Negatives;
using SelfSup.Tests.Losses;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Negatives;

public sealed class LabelledMemoryTests
{
    /// <summary>The store against the reference, and the wrapped losses over what it will hold, as formulas.</summary>
    [GoldenComponent("cross_batch_memory")]
    internal static void TheMemoryMatchesTheReference(GoldenCase golden)
    {
        LabelledMemory? memory = null;
        LossGolden.ForEachStep(golden, (inputs, outputs, gradients) =>
        {
            var x = LossGolden.Learned(inputs.GetProperty("x"));
            var labels = GoldenCase.Tensor(inputs.GetProperty("labels"));
            memory ??= new LabelledMemory(golden.Params.GetProperty("memory_size").GetInt64(), x.shape[1], x);
            var (references, referenceLabels) = memory.With(x, labels);
            var loss = Wrapped(golden, LossGolden.Unit(x), labels, LossGolden.Unit(references), referenceLabels);
            LossGolden.Close(outputs.GetProperty("loss"), loss);
            LossGolden.GradientsAreClose(loss, (gradients.GetProperty("x"), x));

            memory.Enqueue(x.detach(), labels);
            GoldenCase.Close(outputs.GetProperty("memory_after"), memory.Embeddings, 0);
            GoldenCase.Close(outputs.GetProperty("label_memory_after"), memory.Labels, 0);
            Assert.Equal(outputs.GetProperty("queue_idx_after").GetInt64(), memory.Next);
            Assert.Equal(outputs.GetProperty("has_been_filled").GetBoolean(), memory.Held == memory.Labels.shape[0]);
        });
        memory?.Dispose();
    }

    [Fact]
    public void ItHoldsTheLastOnesAndSaysBeforehandWhatItWillHold()
    {
        using var scope = NewDisposeScope();
        using var memory = new LabelledMemory(7, 2, zeros(1, float64));
        Assert.Equal(0, memory.Held);
        var put = new List<(double Value, long Label)>();
        for (var step = 0; step < 12; step++)
        {
            var count = 1 + (step % 5);
            var first = put.Count;
            for (var i = 0; i < count; i++)
            {
                put.Add((first + i, (first + i) % 3));
            }

            var embeddings = tensor(put.Skip(first).SelectMany(p => new[] { p.Value, -p.Value }).ToArray()).view(count, 2);
            var labels = tensor(put.Skip(first).Select(p => p.Label).ToArray());
            var (with, withLabels) = memory.With(embeddings, labels);
            Assert.True(with.narrow(0, 0, count).equal(embeddings).all().item<bool>());
            memory.Enqueue(embeddings, labels);

            var expected = put.TakeLast(7).Order().ToArray();
            Assert.Equal(expected.Length, memory.Held);
            Assert.Equal(expected, Pairs(with, withLabels));
            Assert.Equal(expected, Pairs(memory.Embeddings.narrow(0, 0, memory.Held), memory.Labels.narrow(0, 0, memory.Held)));
        }
    }

    [Fact]
    public void ItComesBackFromACheckpoint()
    {
        using var scope = NewDisposeScope();
        using var memory = new LabelledMemory(5, 2, zeros(1));
        memory.Enqueue(Numbers.Normal(4, 2), arange(4));
        memory.Enqueue(Numbers.Normal(3, 2), arange(3));
        using var saved = StateArchive.Saving();
        saved.Part("memory", memory);
        using var other = new LabelledMemory(5, 2, zeros(1));
        var loading = StateArchive.Loading(saved.Entries, "saved");
        loading.Part("memory", other);
        Assert.Empty(loading.Unclaimed);
        Assert.True(other.Embeddings.equal(memory.Embeddings).all().item<bool>());
        Assert.True(other.Labels.equal(memory.Labels).all().item<bool>());
        Assert.Equal((memory.Held, memory.Next, memory.MeanAge(2)), (other.Held, other.Next, other.MeanAge(2)));
    }

    [Fact]
    public void ABatchLargerThanItIsAnError()
    {
        using var scope = NewDisposeScope();
        using var memory = new LabelledMemory(3, 2, zeros(1));
        Assert.Throws<ArgumentException>(() => memory.With(zeros(4, 2), zeros(4, int64)));
    }

    private static (double, long)[] Pairs(Tensor embeddings, Tensor labels) =>
        [.. embeddings.select(1, 0).contiguous().data<double>().ToArray().Zip(labels.data<long>().ToArray()).Order()];

    private static Tensor Wrapped(GoldenCase golden, Tensor x, Tensor labels, Tensor references, Tensor referenceLabels)
    {
        var same = labels.unsqueeze(1) == referenceLabels.unsqueeze(0);
        var self = zeros_like(same);
        self.narrow(1, 0, x.shape[0]).diagonal().fill_(true);
        var (positive, negative) = (same.logical_and(self.logical_not()), same.logical_not());
        if (golden.Params.GetProperty("loss").GetString() == "supcon")
        {
            var logits = (x.mm(references.t()) / LossGolden.Temperature(golden)).masked_fill(self, double.NegativeInfinity);
            var logs = logits - logits.logsumexp(1, keepdim: true);
            var counts = positive.sum(dim: 1);
            return NonZero(-where(positive, logs, zeros_like(logs)).sum(dim: 1) / counts.clamp_min(1));
        }

        var squares = (x.unsqueeze(1) - references.unsqueeze(0)).square().sum(dim: 2);
        var apart = squares.detach() > 0;
        var distances = where(apart, where(apart, squares, ones_like(squares)).sqrt(), zeros_like(squares));
        if (golden.Params.GetProperty("loss").GetString() == "contrastive")
        {
            return NonZero(distances[positive]) + NonZero(nn.functional.relu(1 - distances[negative]));
        }

        var margins = distances.unsqueeze(2) - distances.unsqueeze(1) + LossGolden.Parameter(golden, "margin"); // [N, positives, negatives]
        return NonZero(nn.functional.relu(margins[positive.unsqueeze(2).logical_and(negative.unsqueeze(1))]));
    }

    private static Tensor NonZero(Tensor losses)
    {
        var some = losses[losses.detach() > 0];
        return some.numel() == 0 ? losses.sum() * 0 : some.mean();
    }
}

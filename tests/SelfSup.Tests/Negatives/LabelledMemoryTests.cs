using SelfSup.Checkpoints;
using SelfSup.Negatives;
using SelfSup.Objectives;
using SelfSup.Tests.Losses;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Negatives;

public sealed class LabelledMemoryTests
{
    /// <summary>The store against the reference, and the wrapped losses over what it will hold.</summary>
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
            // The reference keeps embeddings as they are and makes them of unit length inside the loss.
            var batch = new LabelledEmbeddings(LossGolden.Unit(x), labels, LossGolden.Unit(references), referenceLabels, FirstSelf: 0, Step: 0);
            var loss = Wrapped(golden).Loss(batch, encoder: null!); // none of them learns anything of its own
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
            var (after, afterLabels) = memory.WithLast(embeddings, labels);
            Assert.True(after.equal(with).all().item<bool>());
            Assert.True(afterLabels.equal(withLabels).all().item<bool>());
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
        Assert.Throws<ArgumentException>(() => memory.WithLast(zeros(2, 2), zeros(2, int64))); // nothing was put in
    }

    private static (double, long)[] Pairs(Tensor embeddings, Tensor labels) =>
        [.. embeddings.select(1, 0).contiguous().data<double>().ToArray().Zip(labels.data<long>().ToArray()).Order()];

    private static Objective Wrapped(GoldenCase golden)
    {
        var context = new ObjectiveContext(Classes: 100, Seed: 1);
        return golden.Params.GetProperty("loss").GetString() switch
        {
            "contrastive" => new ContrastiveObjective(new ContrastiveOptions(), context),
            "triplet" => new TripletObjective(new TripletOptions { Margin = LossGolden.Parameter(golden, "margin") }, context),
            "supcon" => new SupConObjective(new SupConOptions { Temperature = LossGolden.Temperature(golden) }, context),
            var other => throw new InvalidOperationException($"no such loss: {other}"),
        };
    }
}

using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Losses;
using SelfSup.Randomness;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>
/// A memory bank of which every rank has the slots of some images, for data sets whose bank is larger than one card. Images
/// travel and slots do not: the embeddings of all ranks, [R * N, D], go to every rank, which compares them with the slots that
/// it has, and what it finds, a number and a gradient for each image, goes back summed. Values are those of
/// <see cref="WholeBank"/> up to rounding.
/// </summary>
internal sealed class ShardedBank(BankSettings settings, Tensor like, Communicator communicator)
    : MemoryBank(settings, PartOf(settings.Images, communicator), like, communicator)
{
    /// <inheritdoc/>
    public override Tensor Of(Tensor samples, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var rows = Rows(Communicator.AllGather(samples));
        var found = Slots.index_select(0, rows.clamp_min(0));
        found.masked_fill_(rows.lt(0).unsqueeze(1), 0);
        return Communicator.ReduceScatter(found).to(type).MoveToOuterDisposeScope();
    }

    /// <summary>For the images of all ranks: a draw is a function of step and image, so that nobody needs to be told.</summary>
    public override BankDraw Draw(long step, Tensor samples, int count)
    {
        using var scope = NewDisposeScope();
        var all = Communicator.AllGather(samples);
        var drawn = Drawn(step, all.cpu().data<long>().ToArray(), count).to(samples.device);
        return new BankDraw(Rows(all).MoveToOuterDisposeScope(), drawn.MoveToOuterDisposeScope(), count);
    }

    /// <inheritdoc/>
    public override double Normaliser(Tensor embeddings, BankDraw drawn, double temperature)
    {
        using var scope = NewDisposeScope();
        var all = Communicator.AllGather(embeddings.detach().contiguous());
        var sum = NoiseContrastive.Exponentials(all, Compared(drawn), temperature);
        Communicator.AllReduce(sum, Reduction.Sum);
        return sum.item<double>() / (all.shape[0] * (drawn.Count + 1L)) * Settings.Images;
    }

    /// <inheritdoc/>
    public override Tensor NoiseContrastiveLoss(Tensor embeddings, BankDraw drawn, double temperature, double normaliser) =>
        LossWithGradient.Of(embeddings, learned =>
        {
            var noise = new NoiseContrastive.Noise(temperature, normaliser, drawn.Count, Settings.Images);
            var all = Communicator.AllGather(embeddings.detach().contiguous());
            var (losses, gradient) = NoiseContrastive.Terms(all, Compared(drawn), noise, embeddings.shape[0], learned);
            var loss = Communicator.ReduceScatter(losses).mean() + noise.Constant;
            return (loss, gradient is null ? null : Communicator.ReduceScatter(gradient));
        });

    /// <inheritdoc/>
    public override Tensor LogSumExp(Tensor embeddings, double temperature) => OverRanks.apply(
        NonParametricSoftmax.LogSumExp(Communicator.GatherLearned(embeddings.contiguous()), Slots, temperature), Communicator);

    /// <inheritdoc/>
    private protected override (Tensor Rows, Tensor Embeddings) Here(Tensor samples, Tensor embeddings)
    {
        var rows = Rows(samples);
        var here = rows.ge(0).nonzero().squeeze(1);
        return (rows.index_select(0, here), embeddings.index_select(0, here));
    }

    /// <inheritdoc/>
    private protected override void Join(Tensor sums) => Communicator.AllReduce(sums, Reduction.Sum);

    /// <inheritdoc/>
    private protected override void Exchange(StateArchive archive, string name, Tensor value) =>
        archive.Shard(name, value, Part.Start, Settings.Images);

    /// <summary>Neighbouring images, as many on each rank as on the others, or one more.</summary>
    private static Block PartOf(long images, Communicator ranks)
    {
        if (images < ranks.Ranks)
        {
            throw new RecipeException($"method.shardBank: {ranks.Ranks} ranks cannot share the slots of {images} images; set it to false");
        }

        var start = (long)((Int128)images * ranks.Rank / ranks.Ranks);
        return new Block(start, (long)((Int128)images * (ranks.Rank + 1) / ranks.Ranks) - start);
    }

    private NoiseContrastive.BankRows Compared(BankDraw drawn) => new(Slots, drawn.Own, drawn.Negatives, IsPart: true);

    /// <summary>The rows of images' slots, or <see cref="NoiseContrastive.Elsewhere"/>.</summary>
    private Tensor Rows(Tensor samples) =>
        (samples - Part.Start).masked_fill_(samples.lt(Part.Start).logical_or(samples.ge(Part.End)), NoiseContrastive.Elsewhere);

    /// <summary>The rows that are here of those that are drawn for each image, int64 [R * N, L].</summary>
    private Tensor Drawn(long step, long[] samples, int count)
    {
        // About as many for each image: six deviations more are hardly ever exceeded.
        var expected = (double)count * Part.Length / Settings.Images;
        for (var width = (long)Math.Min(count, expected + (6 * Math.Sqrt(expected)) + 1); ;)
        {
            var drawn = full([samples.Length, width], NoiseContrastive.Elsewhere, int64);
            var most = Draw(step, samples, count, drawn);
            if (most <= width)
            {
                return drawn.narrow(1, 0, Math.Max(1, most));
            }

            width = most;
        }
    }

    /// <summary>Writes as many as there is room for.</summary>
    /// <returns>The most that any image has.</returns>
    private unsafe long Draw(long step, long[] samples, int count, Tensor into)
    {
        var images = checked((int)Settings.Images);
        var rows = TensorMemory.Address<long>(into);
        var (width, most) = (into.shape[1], 0L);
        foreach (var sample in samples)
        {
            var random = new CounterRandom(Settings.Seed, RandomPurpose.Negatives, step, sample);
            var found = 0L;
            for (var k = 0; k < count; k++)
            {
                var row = random.NextInt(images) - Part.Start;
                if (row >= 0 && row < Part.Length && found++ < width)
                {
                    rows[found - 1] = row;
                }
            }

            rows += width;
            most = Math.Max(most, found);
        }

        return most;
    }

    /// <summary>
    /// From the log-sum-exp over a rank's slots, of all ranks' images, [R * N], to that over all slots, of this rank's, [N].
    /// </summary>
    private sealed class OverRanks : autograd.SingleTensorFunction<OverRanks>
    {
        public override string Name => nameof(OverRanks);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            var (part, ranks) = ((Tensor)arguments[0], (Communicator)arguments[1]);
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var largest = part.to(float64, copy: true);
            ranks.AllReduce(largest, Reduction.Max);
            var whole = (part - largest).exp_();
            ranks.AllReduce(whole, Reduction.Sum);
            whole.log_().add_(largest);
            var images = part.shape[0] / ranks.Ranks;
            context.save_for_backward([(part - whole).exp_().to(part.dtype).MoveToOuterDisposeScope()]);
            context.set_materialize_grads(false);
            context.save_data(nameof(Communicator), ranks);
            return whole.narrow(0, ranks.Rank * images, images).to(part.dtype, copy: true).MoveToOuterDisposeScope();
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(2, gradient, () =>
        {
            // This rank's slots have a share of every image's sum.
            var ranks = (Communicator)context.get_data(nameof(Communicator));
            return [ranks.AllGather(gradient.contiguous()) * context.get_saved_variables()[0]];
        });
    }
}

using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Losses;
using SelfSup.Randomness;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>A memory bank of which every rank has all slots, the same ones.</summary>
internal sealed class WholeBank(BankSettings settings, Tensor like, Communicator communicator)
    : MemoryBank(settings, new Block(0, settings.Images), like, communicator)
{
    /// <inheritdoc/>
    public override Tensor Of(Tensor samples, ScalarType type)
    {
        using var scope = NewDisposeScope();
        return Slots.index_select(0, samples).to(type).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override unsafe BankDraw Draw(long step, Tensor samples, int count)
    {
        var images = checked((int)Settings.Images);
        var of = samples.cpu().data<long>().ToArray();
        // Written where it stays: a million indices a step would keep the garbage collector busy.
        var drawn = empty([of.Length, count], int64);
        var rows = TensorMemory.Address<long>(drawn);
        foreach (var sample in of)
        {
            var random = new CounterRandom(Settings.Seed, RandomPurpose.Negatives, step, sample);
            for (var k = 0; k < count; k++)
            {
                *rows++ = random.NextInt(images);
            }
        }

        return new BankDraw(samples, drawn.to(samples.device), count);
    }

    /// <inheritdoc/>
    public override double Normaliser(Tensor embeddings, BankDraw drawn, double temperature)
    {
        using var estimate = tensor(
            NoiseContrastive.Normaliser(embeddings, Slots, drawn.Own, drawn.Negatives, temperature), device: embeddings.device);
        Communicator.AllReduceMean(estimate);
        return estimate.item<double>();
    }

    /// <inheritdoc/>
    public override Tensor NoiseContrastiveLoss(Tensor embeddings, BankDraw drawn, double temperature, double normaliser) =>
        NoiseContrastive.Loss(embeddings, Slots, drawn.Own, drawn.Negatives, temperature, normaliser);

    /// <inheritdoc/>
    public override Tensor LogSumExp(Tensor embeddings, double temperature) =>
        NonParametricSoftmax.LogSumExp(embeddings, Slots, temperature);

    /// <inheritdoc/>
    private protected override (Tensor Rows, Tensor Embeddings) Here(Tensor samples, Tensor embeddings) => (samples, embeddings);

    /// <inheritdoc/>
    private protected override void Join(Tensor sums)
    {
    }

    /// <inheritdoc/>
    private protected override void Exchange(StateArchive archive, string name, Tensor value) => archive.Tensor(name, value);
}

using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Negatives;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// The negatives that noise-contrastive estimation over a memory bank draws, and its constant Z, which is estimated on the
/// first batch and kept (Wu et al. 2018, https://arxiv.org/abs/1805.01978, section 3.2, equation without a number).
/// </summary>
/// <param name="bank">Where negatives are drawn from.</param>
/// <param name="negatives">K, slots drawn for each image.</param>
/// <param name="temperature">Divides every similarity.</param>
internal sealed class NoiseNormaliser(MemoryBank bank, int negatives, double temperature) : IStateful, IDisposable
{
    private readonly Tensor _value = zeros(1, float64).DetachFromDisposeScope(); // Z, 0 until the first batch has told it

    /// <summary>Negatives of a batch's images: the same whenever a step asks for them.</summary>
    public BankDraw Draw(ViewBatch batch) => bank.Draw(batch.Step, batch.Samples, negatives);

    /// <summary>Z: the one that is kept or, in the first step, that of the batch.</summary>
    /// <param name="embeddings">Unit-length embeddings of its images, [N, D].</param>
    /// <param name="drawn">Their negatives, <see cref="Draw"/>.</param>
    public double Of(Tensor embeddings, BankDraw drawn) =>
        _value.item<double>() is > 0 and var known ? known : bank.Normaliser(embeddings, drawn, temperature);

    /// <summary>Keeps Z from the first step on; before slots move, so that it is that of the step's loss.</summary>
    public void Keep(ViewBatch batch, Tensor embeddings)
    {
        if (_value.item<double>() == 0)
        {
            using var scope = NewDisposeScope();
            _value.fill_(Of(embeddings, Draw(batch)));
        }
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => archive.Tensor("normaliser", _value);

    /// <inheritdoc/>
    public void Dispose() => _value.Dispose();
}

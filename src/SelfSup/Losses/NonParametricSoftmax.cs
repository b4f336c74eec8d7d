using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// The exact non-parametric softmax of instance discrimination: every image is a class, and its slot in the memory bank the
/// class's weights (Wu et al. 2018, https://arxiv.org/abs/1805.01978, eq. 2).
/// </summary>
internal static class NonParametricSoftmax
{
    /// <summary>The mean loss over the batch.</summary>
    /// <param name="embeddings">Unit-length embeddings, [N, D].</param>
    /// <param name="slots">The memory bank, [M, D], float32 or bfloat16; a constant.</param>
    /// <param name="samples">Which slot is each image's own, [N] int64.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor embeddings, Tensor slots, Tensor samples, double temperature)
    {
        using var scope = NewDisposeScope();
        var own = slots.index_select(0, samples).to(embeddings.dtype);
        var all = SimilarityLogSumExp.Of(embeddings, slots, temperature);
        return (all - ((embeddings * own).sum([1]) / temperature)).mean().MoveToOuterDisposeScope();
    }
}

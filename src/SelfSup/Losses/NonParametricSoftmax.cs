using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Instance discrimination by the full softmax: every image is a class, and its weights are its slot in a memory bank (Wu
/// et al. 2018, https://arxiv.org/abs/1805.01978, eq. 2 and 3).
/// </summary>
public static class NonParametricSoftmax
{
    /// <summary>The mean loss over this rank's images.</summary>
    /// <param name="embeddings">Unit-length embeddings, [N, D].</param>
    /// <param name="slots">The memory bank, one unit-length embedding per image of the data set, [M, D]; it may be bfloat16.</param>
    /// <param name="samples">Which image each embedding is of, int64 [N].</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor embeddings, Tensor slots, Tensor samples, double temperature)
    {
        var own = slots.index_select(0, samples).to(embeddings.dtype);
        return FromLogSumExp(embeddings, own, LogSumExp(embeddings, slots, temperature), temperature);
    }

    /// <summary>The mean loss over this rank's images, wherever the slots are.</summary>
    /// <param name="embeddings">Unit-length embeddings, [N, D].</param>
    /// <param name="own">Their own slots, [N, D].</param>
    /// <param name="logSumExp">Over all slots, <see cref="LogSumExp"/>, [N].</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    internal static Tensor FromLogSumExp(Tensor embeddings, Tensor own, Tensor logSumExp, double temperature) =>
        (logSumExp - Pairs.Logits(embeddings, own, temperature)).mean();

    /// <summary>The logarithm of the sum of exponentials of the logits with some slots, [N] from [N, D] and [M, D].</summary>
    internal static Tensor LogSumExp(Tensor embeddings, Tensor slots, double temperature) =>
        SimilarityLogSumExp.Of(embeddings, slots, temperature, []);
}

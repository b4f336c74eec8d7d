using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Supervised contrastive loss L_out (Khosla et al. 2020, https://arxiv.org/abs/2004.11362, eq. 2): the mean over all samples
/// with an anchor's label of the logarithm of their share among all others.
/// </summary>
internal static class SupervisedContrastive
{
    /// <summary>The mean loss over the anchors whose label another sample has.</summary>
    /// <param name="embeddings">Unit-length embeddings, [N, D].</param>
    /// <param name="labels">[N] int64, from 0.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar; 0 where no two labels are equal.</returns>
    public static Tensor Loss(Tensor embeddings, Tensor labels, double temperature)
    {
        using var scope = NewDisposeScope();
        var itself = arange(embeddings.shape[0], int64, embeddings.device).unsqueeze(1);
        var others = SimilarityLogSumExp.Of(embeddings, embeddings, temperature, itself);

        // The sum over positives of z . p is z . (sum of its class) - z . z: N products instead of N^2.
        var (_, group, counts) = unique(labels, sorted: true, return_inverse: true, return_counts: true);
        var sums = zeros(counts!.shape[0], embeddings.shape[1], embeddings.dtype, embeddings.device).index_add(0, group!, embeddings, 1);
        var positives = counts.index_select(0, group!) - 1; // [N]
        var products = (embeddings * (sums.index_select(0, group!) - embeddings)).sum([1]);
        var anchors = positives > 0;
        var mean = products / positives.clamp_min(1) / temperature;
        var losses = where(anchors, others - mean, zeros_like(others));
        return (losses.sum() / anchors.sum().clamp_min(1)).MoveToOuterDisposeScope();
    }
}

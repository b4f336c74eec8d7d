using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Supervised contrastive learning: every embedding of an anchor's class is a positive, with the sum over positives outside
/// the logarithm (L_out of Khosla et al. 2020, https://arxiv.org/abs/2004.11362, eq. 2, without the authors' factor of
/// temperature / base temperature). The mean over the anchors that have a positive or, as in pytorch-metric-learning, over those
/// whose loss is not 0.
/// </summary>
public static class SupCon
{
    /// <summary>The mean loss over this rank's anchors that count; 0 if none does.</summary>
    /// <param name="local">This rank's unit-length embeddings, of any number of views, [N, D].</param>
    /// <param name="all">Every rank's, in rank order, [R * N, D]; the same tensor as local where R is 1.</param>
    /// <param name="labels">The class of each of <paramref name="all"/>, int64 [R * N].</param>
    /// <param name="rank">Which block of <paramref name="all"/> is local.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <param name="onlyNonZero">
    /// Whether those of the anchors with a positive count whose loss is more than 0, in place of all: an anchor whose positives take all of the
    /// probability is left out.
    /// </param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor local, Tensor all, Tensor labels, int rank, double temperature, bool onlyNonZero = false)
    {
        var rows = local.shape[0];
        var denominator = SimilarityLogSumExp.Of(local, all, temperature, [Pairs.Selves(local, rank)]);

        // An anchor's similarities to its positives add up to its product with their sum, which is its class's less itself.
        var (names, classOf, sizes) = labels.unique(return_inverse: true, return_counts: true);
        var sums = zeros([names.shape[0], all.shape[1]], dtype: all.dtype, device: all.device).index_add(0, classOf!, all, 1);
        var localClass = classOf!.narrow(0, rank * rows, rows);
        var others = sums.index_select(0, localClass) - all.narrow(0, rank * rows, rows);
        var positives = (sizes!.index_select(0, localClass) - 1).to(local.dtype);
        var losses = denominator - (Pairs.Logits(local, others, temperature) / positives.clamp_min(1));
        var counts = positives > 0;
        if (onlyNonZero)
        {
            counts = counts.logical_and(losses.detach() > 0);
        }

        return where(counts, losses, zeros_like(losses)).sum() / counts.to(local.dtype).sum().clamp_min(1);
    }
}

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// InfoNCE (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, eq. 4): with negatives from a queue or a memory bank
/// it is cross-entropy over logits [N, 1 + K] with the positive in column 0 (MoCo, He et al. 2020,
/// https://arxiv.org/abs/1911.05722, eq. 1); with negatives from the batch, over [N, R * N] with the positive on a diagonal.
/// </summary>
public static class InfoNce
{
    /// <summary>The mean loss over this rank's anchors.</summary>
    /// <param name="query">Unit-length embeddings of the anchors, [N, D].</param>
    /// <param name="positive">The positive of each, [N, D]; learned or constant.</param>
    /// <param name="negatives">Negatives of all anchors, [K, D]; constants may be bfloat16.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor query, Tensor positive, Tensor negatives, double temperature)
    {
        var against = SimilarityLogSumExp.Of(query, negatives, temperature, []);
        var difference = against - Pairs.Logits(query, positive, temperature);
        return Softplus.Of(difference).mean();
    }

    /// <summary>
    /// Cross-entropy where the negatives of a query are the keys of all other images in the global batch: NNCLR (Dwibedi et
    /// al. 2021, https://arxiv.org/abs/2104.14548, eq. 3), MoCo v3, CPC.
    /// </summary>
    /// <param name="query">This rank's, [N, D]; of any length, but unit length is fastest.</param>
    /// <param name="keys">Every rank's, in rank order, [R * N, D]; the positive of query i is key rank * N + i.</param>
    /// <param name="rank">Which block of <paramref name="keys"/> is local.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor InBatch(Tensor query, Tensor keys, int rank, double temperature)
    {
        var (rows, first) = (query.shape[0], rank * query.shape[0]);
        var against = SimilarityLogSumExp.Of(query, keys, temperature, [new ExcludedPairs(0, first, rows)]);
        return Softplus.Of(against - Pairs.Logits(query, keys.narrow(0, first, rows), temperature)).mean();
    }

    /// <summary>
    /// What a loss says of the mutual information of the two sides, in nats: it is at least log(candidates) - loss (van den
    /// Oord et al. 2018, eq. 5), and never more than log(candidates) by this measure.
    /// </summary>
    /// <param name="loss">The mean cross-entropy.</param>
    /// <param name="candidates">How many keys a query has, its positive among them.</param>
    public static double Bound(double loss, long candidates) => Math.Log(candidates) - loss;
}

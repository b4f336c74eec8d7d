using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// InfoNCE with negatives from a queue or a memory bank (van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, eq. 4;
/// as in MoCo, He et al. 2020, https://arxiv.org/abs/1911.05722, eq. 1): cross-entropy over logits [N, 1 + K] with the
/// positive in column 0.
/// </summary>
internal static class InfoNce
{
    /// <summary>Where log(1 + exp(x)) equals x in float64 too.</summary>
    private const double LinearFrom = 40;

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
        return nn.functional.softplus(difference, beta: 1, threshold: LinearFrom).mean();
    }
}

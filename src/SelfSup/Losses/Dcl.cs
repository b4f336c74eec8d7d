using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Decoupled contrastive learning: NT-Xent without the positive in the denominator (Yeh et al. 2022,
/// https://arxiv.org/abs/2110.06848, eq. 5 and 6). The mean over 2N views, which is half of what the paper's sum over the
/// two directions gives.
/// </summary>
public static class Dcl
{
    /// <summary>The mean loss over this rank's views; it may be negative.</summary>
    /// <param name="local">This rank's unit-length embeddings, view 1 then view 2, [2N, D].</param>
    /// <param name="all">Every rank's, in rank order, [R * 2N, D]; the same tensor as local where R is 1.</param>
    /// <param name="rank">Which block of <paramref name="all"/> is local.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor local, Tensor all, int rank, double temperature)
    {
        var positive = Pairs.Logits(local, Pairs.OtherView(local), temperature);
        return (Negatives(local, all, rank, temperature) - positive).mean();
    }

    /// <summary>DCLW: positives that are far apart weigh more, by <see cref="Weights"/>.</summary>
    /// <inheritdoc cref="Loss"/>
    /// <param name="local">This rank's unit-length embeddings, view 1 then view 2, [2N, D].</param>
    /// <param name="all">Every rank's, in rank order, [R * 2N, D]; the same tensor as local where R is 1.</param>
    /// <param name="rank">Which block of <paramref name="all"/> is local.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <param name="sigma">Divides the similarities that weights are made of; the paper takes 0.5.</param>
    public static Tensor WeightedLoss(Tensor local, Tensor all, int rank, double temperature, double sigma)
    {
        var positive = Pairs.Logits(local, Pairs.OtherView(local), temperature);
        var weights = Weights(local, sigma).repeat(2);
        return (Negatives(local, all, rank, temperature) - (weights * positive)).mean();
    }

    /// <summary>
    /// The von Mises-Fisher weights of this rank's images, 2 - exp(s_i / sigma) / mean_j exp(s_j / sigma) with s_i the
    /// similarity of the views of image i, [N]. They are constants to the gradient; their mean is 1.
    /// </summary>
    internal static Tensor Weights(Tensor local, double sigma)
    {
        var images = local.shape[0] / 2;
        using var _ = no_grad();
        return 2 - (images * Pairs.Logits(local.narrow(0, 0, images), local.narrow(0, images, images), sigma).softmax(0));
    }

    private static Tensor Negatives(Tensor local, Tensor all, int rank, double temperature) =>
        SimilarityLogSumExp.Of(local, all, temperature, Pairs.SelvesAndPositives(local, rank));
}

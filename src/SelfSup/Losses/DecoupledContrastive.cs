using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Decoupled contrastive learning, DCL (Yeh et al. 2022, https://arxiv.org/abs/2110.06848, eq. 6): NT-Xent whose
/// denominator leaves out the positive; and DCLW, which weights the positives (section 3.3).
/// </summary>
internal static class DecoupledContrastive
{
    /// <summary>The mean loss over both views of every image.</summary>
    /// <param name="local">This rank's unit-length embeddings, view 1 then view 2, [2N, D].</param>
    /// <param name="all">Every rank's, in rank order, [R * 2N, D]; the same tensor as local where R is 1.</param>
    /// <param name="rank">Which block of <paramref name="all"/> is local.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <param name="sigma">
    /// DCLW's temperature of the weights 2 - N softmax(z1 . z2 / sigma), a constant to the gradient; null for DCL, whose
    /// weights are 1.
    /// </param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor local, Tensor all, int rank, double temperature, double? sigma = null)
    {
        using var scope = NewDisposeScope();
        var rows = local.shape[0];
        var own = arange(rows, int64, local.device);
        var pair = stack([own, own.roll(rows / 2)], 1) + (rank * rows); // [2N, 2]
        var others = SimilarityLogSumExp.Of(local, all, temperature, pair);
        var similarity = (local * local.roll(rows / 2, 0)).sum([1]);
        var positive = similarity / temperature;
        if (sigma is { } width)
        {
            positive *= Weights(similarity, width);
        }

        return (others - positive).mean().MoveToOuterDisposeScope();
    }

    private static Tensor Weights(Tensor similarity, double sigma)
    {
        var views = similarity.shape[0] / 2;
        var weights = 2 - (views * (similarity.detach().narrow(0, 0, views) / sigma).softmax(0)); // alike in both directions
        return cat([weights, weights]);
    }
}

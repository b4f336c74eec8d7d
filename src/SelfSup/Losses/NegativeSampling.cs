using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// A centre's true neighbour is told from a few drawn ones by logistic regression, so that the softmax over all is never
/// made: negative sampling and, with the noise's probabilities taken into account, noise-contrastive estimation.
/// </summary>
public static class NegativeSampling
{
    /// <summary>
    /// The mean of -log sigmoid(v . u) - sum_k log sigmoid(-v . u_k) (Mikolov et al. 2013, https://arxiv.org/abs/1310.4546,
    /// eq. 4).
    /// </summary>
    /// <param name="centres">v, of any length, [B, D].</param>
    /// <param name="positives">u, the true neighbour of each, [B, D].</param>
    /// <param name="negatives">u_k, the drawn ones of each, [B, K, D].</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor centres, Tensor positives, Tensor negatives) =>
        OfLogits(Pairs.Logits(centres, positives, 1), Products(centres, negatives));

    /// <summary>
    /// Noise-contrastive estimation with the normaliser fixed to 1 (Mnih and Teh 2012, https://arxiv.org/abs/1206.6426, eq. 8
    /// to 10; Gutmann and Hyvarinen 2010): the same with logits s - log(K q).
    /// </summary>
    /// <param name="centres">v, of any length, [B, D].</param>
    /// <param name="positives">u, the true neighbour of each, [B, D].</param>
    /// <param name="negatives">u_k, the drawn ones of each, [B, K, D].</param>
    /// <param name="positiveNoise">q of the true ones: how probably one draw gives them, [B].</param>
    /// <param name="negativeNoise">q of the drawn ones, [B, K].</param>
    /// <returns>A scalar.</returns>
    public static Tensor NoiseContrastiveLoss(
        Tensor centres, Tensor positives, Tensor negatives, Tensor positiveNoise, Tensor negativeNoise)
    {
        var draws = (double)negatives.shape[1];
        return OfLogits(
            Pairs.Logits(centres, positives, 1) - (positiveNoise * draws).log(),
            Products(centres, negatives) - (negativeNoise * draws).log());
    }

    // [B, K] from [B, D] and [B, K, D].
    private static Tensor Products(Tensor centres, Tensor negatives) => negatives.bmm(centres.unsqueeze(2)).squeeze(2);

    private static Tensor OfLogits(Tensor positives, Tensor negatives) =>
        (Softplus.Of(-positives) + Softplus.Of(negatives).sum(dim: 1)).mean();
}

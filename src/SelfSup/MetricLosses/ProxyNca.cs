using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Neighbourhood components with a learned proxy a class (Movshovitz-Attias et al. 2017, https://arxiv.org/abs/1703.07464, eq. 4): softmax
/// over squared Euclidean distances, which of unit vectors are 2 - 2 cos. Proxy-NCA++ (Teh et al. 2020,
/// https://arxiv.org/abs/2004.01113) is the same with the own proxy in the denominator and a temperature.
/// </summary>
public static class ProxyNca
{
    /// <summary>The mean over samples.</summary>
    /// <param name="embeddings">Of unit length, [N, D].</param>
    /// <param name="proxies">Of unit length, [K, D].</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="scale">Times every squared distance: 1 in the first paper, the inverse of the temperature in the second.</param>
    /// <param name="ownInDenominator">
    /// Whether the own proxy is in the denominator, as in Proxy-NCA++ and in pytorch-metric-learning; eq. 4 has the others only, and needs
    /// two classes.
    /// </param>
    /// <returns>A scalar; with the others only, it may be less than 0.</returns>
    public static Tensor Loss(Tensor embeddings, Tensor proxies, Tensor labels, double scale, bool ownInDenominator) =>
        ClassSoftmax.Mean(embeddings * (2 * scale), proxies, labels, ownCounts: ownInDenominator); // exp(-2 scale) is above and below
}

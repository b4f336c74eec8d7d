using SelfSup.Losses;
using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// The multi-similarity loss (Wang et al. 2019, https://arxiv.org/abs/1904.06627, eq. 9): of an anchor log(1 + sum over positives of
/// exp(-alpha (s - base))) / alpha + log(1 + sum over negatives of exp(beta (s - base))) / beta, and the mean over all anchors.
/// </summary>
public static class MultiSimilarity
{
    /// <summary>The loss; 0 where there are no pairs.</summary>
    /// <param name="similarities">Cosines, [N, M].</param>
    /// <param name="masks">Which pairs count: those of <see cref="PairMining.MultiSimilarity"/>, or all.</param>
    /// <param name="alpha">How sharply positives are weighted; 2.</param>
    /// <param name="beta">How sharply negatives are weighted; 50.</param>
    /// <param name="threshold">The base, lambda of the paper; 0.5, or 1 there.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor similarities, PairMasks masks, double alpha = 2, double beta = 50, double threshold = 0.5)
    {
        using var scope = NewDisposeScope();
        var above = similarities - threshold;
        var positive = Softplus.Of(MaskedLogSumExp.Of(above * -alpha, masks.Positive)) / alpha;
        var negative = Softplus.Of(MaskedLogSumExp.Of(above * beta, masks.Negative)) / beta;
        return Mean.Of(positive + negative, Averaging.All).MoveToOuterDisposeScope();
    }
}

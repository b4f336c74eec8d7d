using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// The circle loss (Sun et al. 2020, https://arxiv.org/abs/2002.10857, eq. 6 and 8): of an anchor log(1 + sum over negatives of
/// exp(gamma a_n (s - m)) * sum over positives of exp(-gamma a_p (s - (1 - m)))), where a_p = relu(1 + m - s) and a_n = relu(s + m) are
/// weights and no gradient goes through them. An anchor without positives or without negatives costs nothing.
/// </summary>
public static class Circle
{
    /// <summary>The mean over anchors; 0 where there are no pairs.</summary>
    /// <param name="similarities">Cosines, [N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <param name="margin">m; the paper takes 0.25 for faces and 0.4 elsewhere.</param>
    /// <param name="gamma">The scale; 256 and 80.</param>
    /// <param name="averaging">Over which anchors; pytorch-metric-learning takes those whose loss is not 0.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(
        Tensor similarities, PairMasks masks, double margin = 0.4, double gamma = 80, Averaging averaging = Averaging.NonZero)
    {
        using var scope = NewDisposeScope();
        return Mean.Of(PerAnchor(similarities, masks, margin, gamma), averaging).MoveToOuterDisposeScope();
    }

    /// <summary>The loss of each anchor, [N].</summary>
    internal static Tensor PerAnchor(Tensor similarities, PairMasks masks, double margin, double gamma)
    {
        using var scope = NewDisposeScope();
        var constant = similarities.detach();
        var positive = (1 + margin - constant).relu() * (similarities - (1 - margin)) * -gamma;
        var negative = (constant + margin).relu() * (similarities - margin) * gamma;
        var logarithm = MaskedLogSumExp.Of(positive, masks.Positive) + MaskedLogSumExp.Of(negative, masks.Negative);
        return nn.functional.softplus(logarithm).MoveToOuterDisposeScope(); // from 20 on it is its argument, as in the reference
    }
}

using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>Lifted structured embedding and its generalisation.</summary>
public static class LiftedStructure
{
    /// <summary>
    /// Song et al. 2016 (https://arxiv.org/abs/1511.06452, eq. 4), with pytorch-metric-learning's positive margin: of an ordered
    /// positive pair relu(log(sum over negatives of a of exp(margin - d(a, n)) + the same of p) + d(a, p) - positive margin)^2 / 2, and
    /// the mean over them. Negatives of p are the anchors of another class: in a batch those of its own row, and of a memory the batch.
    /// </summary>
    /// <param name="distances">Euclidean, [N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <param name="negativeMargin">Beyond it negatives count exponentially less.</param>
    /// <param name="positiveMargin">0 in the paper.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor distances, PairMasks masks, double negativeMargin, double positiveMargin = 0)
    {
        using var scope = NewDisposeScope();
        var excess = Excess(distances, masks, negativeMargin, positiveMargin).relu();
        return Mean.Of(excess.square() / 2, masks.Positive).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The generalised loss (Hermans et al. 2017, https://arxiv.org/abs/1703.07737, eq. 8): of an anchor relu(log sum over positives
    /// of exp(d - positive margin) + log sum over negatives of exp(margin - d)), and the mean over all anchors. The logarithm of no sum
    /// is minus infinity, so that an anchor without positives or without negatives costs nothing.
    /// </summary>
    /// <param name="distances">Euclidean, [N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <param name="negativeMargin">m of the paper.</param>
    /// <param name="positiveMargin">0 in the paper.</param>
    /// <returns>A scalar.</returns>
    public static Tensor GeneralisedLoss(Tensor distances, PairMasks masks, double negativeMargin, double positiveMargin = 0)
    {
        using var scope = NewDisposeScope();
        return Mean.Of(PerAnchor(distances, masks, negativeMargin, positiveMargin), Averaging.All).MoveToOuterDisposeScope();
    }

    /// <summary>What is squared where it is above 0, of all pairs, [N, M].</summary>
    internal static Tensor Excess(Tensor distances, PairMasks masks, double negativeMargin, double positiveMargin)
    {
        using var scope = NewDisposeScope();
        var repulsion = negativeMargin - distances;
        var ofAnchors = MaskedLogSumExp.Of(repulsion, masks.Negative, 1).unsqueeze(1); // [N, 1]
        var ofReferences = MaskedLogSumExp.Of(repulsion, masks.Negative, 0).unsqueeze(0); // [1, M]
        return (logaddexp(ofAnchors, ofReferences) + distances - positiveMargin).MoveToOuterDisposeScope();
    }

    /// <summary>The generalised loss of each anchor, [N].</summary>
    internal static Tensor PerAnchor(Tensor distances, PairMasks masks, double negativeMargin, double positiveMargin)
    {
        using var scope = NewDisposeScope();
        var attraction = MaskedLogSumExp.Of(distances - positiveMargin, masks.Positive);
        var repulsion = MaskedLogSumExp.Of(negativeMargin - distances, masks.Negative);
        return (attraction + repulsion).relu().MoveToOuterDisposeScope();
    }
}

using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// The contrastive loss over all pairs of a batch, in the convention of pytorch-metric-learning: relu(d - positive margin) of
/// positives, averaged, and relu(negative margin - d) of negatives, averaged, added; neither is squared. Over squared distances, with
/// a positive margin of 0, the averages over all pairs are the classic loss's. For similarities s take d = 1 - s and margins likewise.
/// </summary>
public static class PairwiseContrastive
{
    /// <summary>The loss; 0 where there are no pairs.</summary>
    /// <param name="distances">[N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <param name="positiveMargin">Positives that are nearer cost nothing.</param>
    /// <param name="negativeMargin">Negatives that are farther cost nothing.</param>
    /// <param name="averaging">Over which pairs.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(
        Tensor distances, PairMasks masks, double positiveMargin, double negativeMargin, Averaging averaging = Averaging.NonZero)
    {
        using var scope = NewDisposeScope();
        var positive = Mean.Of((distances - positiveMargin).relu(), masks.Positive, averaging);
        var negative = Mean.Of((negativeMargin - distances).relu(), masks.Negative, averaging);
        return (positive + negative).MoveToOuterDisposeScope();
    }

    /// <summary>How many pairs have a loss that is not 0.</summary>
    /// <param name="distances">[N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <param name="positiveMargin">As in <see cref="Loss"/>.</param>
    /// <param name="negativeMargin">As in <see cref="Loss"/>.</param>
    public static (long Positive, long Negative) Active(Tensor distances, PairMasks masks, double positiveMargin, double negativeMargin)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return (
            ((distances > positiveMargin) & masks.Positive).sum().item<long>(),
            ((distances < negativeMargin) & masks.Negative).sum().item<long>());
    }
}

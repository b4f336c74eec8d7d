using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Collaborative metric learning (Hsieh et al. 2017, https://doi.org/10.1145/3038912.3052639, eq. 2): of each pair that belongs together
/// w * relu(d(a, p) - d(a, n) + margin) over items that are not known to belong to the anchor. w = log(1 + rank) weighs pairs by where
/// the positive would stand among all items, which the share of items in the batch that come nearer than the margin allows tells
/// approximately (WARP, section 3.3); no gradient flows through it.
/// </summary>
public static class CollaborativeMetric
{
    /// <summary>The loss, a mean over the pairs that have a negative; 0 where there are none.</summary>
    /// <param name="positiveDistances">From the anchor to the positive of each pair, [N].</param>
    /// <param name="distances">From each pair's anchor to items, [N, M].</param>
    /// <param name="negatives">Which of them are negatives, bool [N, M].</param>
    /// <param name="settings">Margin, weights, and which negatives count.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor positiveDistances, Tensor distances, Tensor negatives, CollaborativeSettings settings)
    {
        using var scope = NewDisposeScope();
        var violations = positiveDistances.unsqueeze(1) - distances + settings.Margin;
        var hinges = violations.relu().masked_fill(negatives.logical_not(), 0);
        var counts = negatives.sum(dim: 1);
        var losses = settings.Hardest ? hinges.amax([1L]) : hinges.sum(dim: 1) / counts.clamp_min(1);
        if (settings.Items is { } items)
        {
            losses = losses * Weights(hinges.detach(), counts, items);
        }

        return (losses.sum() / (counts > 0).sum().clamp_min(1)).MoveToOuterDisposeScope();
    }

    /// <summary>log(1 + floor(J M / U)): of U negatives that were looked at, M come nearer than the margin allows.</summary>
    private static Tensor Weights(Tensor hinges, Tensor counts, long items)
    {
        var impostors = (hinges > 0).sum(dim: 1);
        var ranks = (impostors * items).div(counts.clamp_min(1), RoundingMode.floor);
        return ranks.to(hinges.dtype).log1p();
    }
}

/// <summary>The settings of <see cref="CollaborativeMetric"/>.</summary>
/// <param name="Margin">How much farther negatives should be.</param>
/// <param name="Hardest">Whether only the nearest negative counts, as in the authors' code, or the mean over all.</param>
/// <param name="Items">J, how many items there are in all, by which ranks weigh; null for weights of 1.</param>
public sealed record CollaborativeSettings(double Margin, bool Hardest = true, long? Items = null);

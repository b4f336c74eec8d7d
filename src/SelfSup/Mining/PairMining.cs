using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Chooses among pairs.</summary>
public static class PairMining
{
    /// <summary>
    /// Positives that are not nearer than the nearest negative less epsilon, negatives that are not farther than the farthest positive
    /// plus epsilon (Wang et al. 2019, https://arxiv.org/abs/1904.06627, eq. 5 and 6, there in similarities). An anchor without
    /// positives or without negatives has none left.
    /// </summary>
    /// <param name="distances">1 - similarity, [N, M].</param>
    /// <param name="masks">The pairs to choose from.</param>
    /// <param name="epsilon">The slack.</param>
    public static PairMasks MultiSimilarity(Tensor distances, PairMasks masks, double epsilon)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var farthest = distances.masked_fill(masks.Positive.logical_not(), double.NegativeInfinity).amax([1], keepdim: true);
        var nearest = distances.masked_fill(masks.Negative.logical_not(), double.PositiveInfinity).amin([1], keepdim: true);
        return new PairMasks(
            (masks.Positive & ((distances + epsilon) > nearest)).MoveToOuterDisposeScope(),
            (masks.Negative & ((distances - epsilon) < farthest)).MoveToOuterDisposeScope());
    }
}

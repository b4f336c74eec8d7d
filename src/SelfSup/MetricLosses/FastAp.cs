using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// FastAP (Cakir et al. 2019, "Deep metric learning to rank", eq. 11): 1 - average precision, where references are ranked by which of
/// some bins their distance falls into, and each is shared between the two nearest bins so that there is a gradient. The mean over anchors
/// that have a positive.
/// </summary>
public static class FastAp
{
    /// <summary>The largest squared distance of unit vectors.</summary>
    private const double Largest = 4;

    /// <summary>The loss; 0 where no anchor has a positive.</summary>
    /// <param name="distances">Squared Euclidean of unit vectors, from 0 to 4, [N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <param name="bins">Steps between the smallest and the largest distance; there are bins + 1 bins.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor distances, PairMasks masks, int bins = 10)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bins);
        using var scope = NewDisposeScope();
        // A distance between two bins belongs to each by how near it is: bin and upper bin, [N, M].
        var places = distances.clamp(0, Largest) * (bins / Largest);
        var bin = places.detach().floor().clamp(0, bins - 1);
        var share = places - bin;
        var index = bin.to(int64);
        var positive = Histogram(masks.Positive);
        var both = positive + Histogram(masks.Negative);
        var (aboveOrAtPositive, aboveOrAt) = (positive.cumsum(1), both.cumsum(1));
        var some = aboveOrAt > 0;
        var terms = positive * aboveOrAtPositive / where(some, aboveOrAt, ones_like(aboveOrAt));
        var counts = masks.Positive.sum(dim: 1);
        var precision = terms.sum(dim: 1) / counts.clamp_min(1).to(distances.dtype);
        return Mean.Of(1 - precision, counts > 0).MoveToOuterDisposeScope();

        Tensor Histogram(Tensor mask)
        {
            var weights = mask.to(distances.dtype);
            return zeros([distances.shape[0], bins + 1], dtype: distances.dtype, device: distances.device)
                .scatter_add(1, index, (1 - share) * weights)
                .scatter_add(1, index + 1, share * weights);
        }
    }
}

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>log of a sum of exponentials over some of the places, without a gradient for the others.</summary>
internal static class MaskedLogSumExp
{
    // Instead of minus infinity, whose gradient is no number where nothing counts: exp of it is 0, and sums with it are itself.
    private const double Nothing = -1e30;

    /// <summary>The logarithm of the sum; about -1e30, without a gradient, where nothing counts.</summary>
    /// <param name="values">[N, M].</param>
    /// <param name="counts">bool [N, M].</param>
    /// <param name="dimension">1 for sums over columns, [N]; 0 for sums over rows, [M].</param>
    public static Tensor Of(Tensor values, Tensor counts, long dimension = 1) =>
        values.masked_fill(counts.logical_not(), Nothing).logsumexp(dimension);
}

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>Means that are 0, with a graph, where there is nothing to average.</summary>
internal static class Mean
{
    /// <summary>Of losses, all of which count.</summary>
    public static Tensor Of(Tensor losses, Averaging averaging) =>
        losses.sum() / (averaging == Averaging.All ? Math.Max(1, losses.numel()) : Count(losses > 0, losses));

    /// <summary>Of losses some of which count; a loss that does not may be no number.</summary>
    /// <param name="losses">Of any shape.</param>
    /// <param name="counts">Which count; bool of the same shape.</param>
    /// <param name="averaging">Over which of those.</param>
    public static Tensor Of(Tensor losses, Tensor counts, Averaging averaging = Averaging.All)
    {
        var counted = where(counts, losses, zeros_like(losses));
        return counted.sum() / Count(averaging == Averaging.All ? counts : counted > 0, losses);
    }

    private static Tensor Count(Tensor which, Tensor like) => which.sum().clamp_min(1).to(like.dtype);
}

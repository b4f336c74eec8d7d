using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>The hinge on the difference of two scores: of each pair one is to be the higher by a margin.</summary>
public static class MarginRanking
{
    /// <summary>The mean over pairs of max(0, -order (first - second) + margin).</summary>
    /// <param name="first">Scores, [N].</param>
    /// <param name="second">Scores, [N].</param>
    /// <param name="order">1 where the first is to be higher, -1 where the second is, [N].</param>
    /// <param name="margin">By how much.</param>
    /// <returns>A scalar; where the margin is exactly met, the gradient is 0.</returns>
    public static Tensor Loss(Tensor first, Tensor second, Tensor order, double margin) =>
        nn.functional.relu((order * (second - first)) + margin).mean();
}

namespace SelfSup.Tools.Scaling.Model;

/// <summary>All-reduces beside backward.</summary>
internal static class Overlap
{
    /// <summary>
    /// Seconds by which backward and all-reduces together take longer than backward alone: what is left when backward ends, and
    /// what it loses to the messages beside it.
    /// </summary>
    /// <param name="segments">In the order in which backward completes them.</param>
    /// <param name="backward">Seconds of backward alone.</param>
    /// <param name="allReduce">Seconds of a segment's all-reduce.</param>
    /// <param name="interference">The share of a message's time that backward loses while both go on, 0 to 1.</param>
    public static double Exposed(
        IReadOnlyList<GradientSegment> segments, double backward, Func<GradientSegment, double> allReduce, double interference)
    {
        // Ready: r_k = r_(k-1) + T share_k + interference * (message time beside it). Sent one after the other: e_k = max(r_k, e_(k-1)) + t_k.
        double ready = 0, ended = 0;
        foreach (var segment in segments)
        {
            var work = segment.BackwardShare * backward;
            var beside = Math.Min(Math.Max(0, ended - ready), work / Math.Max(1 - interference, 1e-9));
            ready += work + (interference * beside);
            ended = Math.Max(ready, ended) + allReduce(segment);
        }

        return Math.Max(ready, ended) - backward;
    }
}

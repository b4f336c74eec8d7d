using SelfSup.Tools.Scaling.Model;

namespace SelfSup.Tools.Scaling;

/// <summary>Predicts the parts of a step of R CPU ranks on one machine from a step of one rank, in milliseconds.</summary>
internal static class CpuRanks
{
    /// <summary>Parts that take as long whatever the batch.</summary>
    private static readonly string[] _fixed = ["gradientNorm", "optimizer", "commit", "report"];

    /// <summary>Predicts them.</summary>
    /// <param name="one">A step of one rank with as many threads as each of the ranks has.</param>
    /// <param name="images">Images of each rank.</param>
    /// <param name="cost">What messages between so many ranks cost.</param>
    /// <param name="cores">Of the machine.</param>
    /// <param name="workload">Segments, embeddings and layers that are normalised over ranks.</param>
    public static IReadOnlyDictionary<string, double> Predict(MeasuredStep one, double images, CommunicationCost cost, int cores, Workload workload)
    {
        var (ranks, network) = (cost.Ranks, cost.Network);
        // Ranks that want more cores than there are take turns.
        var sharing = Math.Max(1, (double)ranks * one.Threads / cores);
        var scale = images / one.Images;
        var parts = one.Milliseconds.ToDictionary(
            part => part.Key, part => part.Value * sharing * (_fixed.Contains(part.Key) ? 1 : scale));
        parts["allReduce"] = 0;
        if (ranks == 1)
        {
            return parts;
        }

        var embeddings = workload.GatheredViews * images * ranks * workload.Width * 4;
        var gather = workload.GatheredViews > 0 ? 1e3 * network.AllGather(embeddings, ranks) : 0;
        var norms = 1e3 * workload.SyncedNorms * network.AllReduce(workload.NormBytes, ranks);
        parts["forward"] += norms;
        // Rows of this rank by columns of all: R times as many pairs as one rank has; embeddings come here, their gradients go in backward.
        parts["compare"] = (parts["compare"] * ranks * scale) + gather;
        parts["allReduce"] = 1e3 * Overlap.Exposed(
            workload.Segments,
            1e-3 * parts["backward"],
            segment => network.AllReduce(one.GradientBytes * segment.Parameters / workload.Parameters, ranks),
            cost.Interference);
        parts["backward"] += norms + gather;
        return parts;
    }
}

namespace SelfSup.Tools.Scaling.Model;

/// <summary>Predicts the time of a step over R ranks; docs/scaling.md writes the formula out.</summary>
internal static class StepModel
{
    private const double Float = 4;

    /// <summary>Products of [V n, D] and [V N, D] in a loss in tiles: once forward, once more backward, and two for the gradients.</summary>
    private const double LossProducts = 4;

    /// <summary>Backward's arithmetic, by forward's.</summary>
    private const double BackwardByForward = 2;

    /// <summary>Predicts a step.</summary>
    /// <param name="cluster">What it runs on.</param>
    /// <param name="workload">What it does.</param>
    /// <param name="images">N, of the global batch.</param>
    /// <param name="ranks">R.</param>
    public static StepTime Predict(Cluster cluster, Workload workload, double images, int ranks)
    {
        var network = cluster.Network;
        var own = images / ranks;
        var forwardOfView = 1 / cluster.ViewsPerSecond / (1 + BackwardByForward);
        var forward = Math.Max(own * workload.LearnedViews * forwardOfView, cluster.LaunchFloor);
        var backward = Math.Max(own * workload.LearnedViews * forwardOfView * BackwardByForward, cluster.LaunchFloor);
        var keys = workload.KeyViews == 0 ? 0 : Math.Max(own * workload.KeyViews * forwardOfView, cluster.LaunchFloor);
        var compute = forward + backward + keys;

        var step = new StepTime
        {
            Compute = compute,
            Transfer = own * (workload.LearnedViews + workload.KeyViews) * workload.ViewBytes / cluster.HostBandwidth,
            Norms = 2 * workload.SyncedNorms * (ranks == 1 ? 0 : network.AllReduce(workload.NormBytes, Math.Min(ranks, workload.NormRanks))),
            Gathers = Gathers(network, workload, images, ranks),
            Loss = LossProducts * 2 * workload.Width * Pairs(workload, images) / ranks / cluster.LossSpeed,
            ExposedAllReduce = ranks == 1
                ? 0
                : Overlap.Exposed(
                    workload.Segments, backward, segment => network.AllReduce(segment.Parameters * workload.GradientBytes, ranks), cluster.Interference),
            Optimizer = workload.OptimizerPasses * Float * workload.Parameters / cluster.MemoryBandwidth,
            Stragglers = cluster.Spread * compute * Math.Sqrt(2 * Math.Log(ranks)),
            Checkpoint = workload.SnapshotBytes / cluster.HostBandwidth * images / workload.EpochImages,
        };
        var making = own * (workload.Shuffle == Shuffle.Loaded ? 2 : 1) / cluster.LoaderImagesPerSecond;
        return step with { Loader = Math.Max(0, making - step.Total) };
    }

    /// <summary>Rows times columns of the similarities over all ranks.</summary>
    private static double Pairs(Workload workload, double images) => workload.LearnedViews * images
        * ((workload.GatheredViews * images) + workload.QueueColumns);

    private static double Gathers(Network network, Workload workload, double images, int ranks)
    {
        if (ranks == 1)
        {
            return 0;
        }

        var embedding = images * workload.Width * Float;
        var seconds = 0.0;
        if (workload.GatheredViews > 0)
        {
            seconds += 2 * network.AllGather(workload.GatheredViews * embedding, ranks); // there, and the gradients back
        }

        if (workload.GatheredKeys > 0)
        {
            seconds += network.AllGather(workload.GatheredKeys * embedding, ranks);
        }

        var shuffled = images * workload.KeyViews * workload.ShuffleBytes;
        return seconds + workload.Shuffle switch
        {
            Shuffle.Gathered => network.AllGather(shuffled, ranks) + network.AllGather(embedding, ranks),
            Shuffle.Exchanged => network.Exchange(shuffled / ranks, ranks) + network.AllGather(embedding, ranks),
            Shuffle.Loaded => network.AllGather(embedding, ranks),
            _ => 0,
        };
    }
}

namespace SelfSup.Tools.Scaling.Model;

/// <summary>What a step of a method asks for.</summary>
internal sealed record Workload
{
    /// <summary>The network that learns, last stage first.</summary>
    public required IReadOnlyList<GradientSegment> Segments { get; init; }

    /// <summary>V, views of an image that go through it forward and backward.</summary>
    public required int LearnedViews { get; init; }

    /// <summary>Views of an image that go through a second encoder, forward only.</summary>
    public int KeyViews { get; init; }

    /// <summary>Bytes of a view on the device.</summary>
    public required double ViewBytes { get; init; }

    /// <summary>Bytes that a gradient is sent as.</summary>
    public double GradientBytes { get; init; } = 4;

    /// <summary>Layers that are normalised over ranks.</summary>
    public int SyncedNorms { get; init; }

    /// <summary>Over how many ranks they are normalised at most.</summary>
    public int NormRanks { get; init; } = int.MaxValue;

    /// <summary>Bytes of a layer's statistics, the mean over layers.</summary>
    public double NormBytes { get; init; }

    /// <summary>D, width of embeddings.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Embeddings of an image that all ranks get, with their gradients back.</summary>
    public int GatheredViews { get; init; }

    /// <summary>Embeddings of an image that all ranks get without gradients, such as keys.</summary>
    public int GatheredKeys { get; init; }

    /// <summary>How views are shuffled between ranks before a second encoder.</summary>
    public Shuffle Shuffle { get; init; }

    /// <summary>Bytes of a view on its way between ranks.</summary>
    public double ShuffleBytes { get; init; }

    /// <summary>Columns that each row of the loss is compared with, beside the global batch's.</summary>
    public double QueueColumns { get; init; }

    /// <summary>How often the optimizer reads or writes a parameter's 4 bytes in a step, averages of weights included.</summary>
    public double OptimizerPasses { get; init; } = 5;

    /// <summary>Bytes of a checkpoint's snapshot.</summary>
    public double SnapshotBytes { get; init; }

    /// <summary>Images in the data set: one checkpoint an epoch.</summary>
    public double EpochImages { get; init; } = double.PositiveInfinity;

    /// <summary>P.</summary>
    public double Parameters => Segments.Sum(segment => segment.Parameters);
}

namespace SelfSup.Tools.Scaling.Model;

/// <summary>Seconds of a step by what they are spent on.</summary>
internal sealed record StepTime
{
    /// <summary>Forward and backward.</summary>
    public required double Compute { get; init; }

    /// <summary>Images to the device.</summary>
    public double Transfer { get; init; }

    /// <summary>Statistics of normalisation over ranks, forward and backward.</summary>
    public double Norms { get; init; }

    /// <summary>Embeddings, keys and images between ranks.</summary>
    public double Gathers { get; init; }

    /// <summary>Comparing embeddings.</summary>
    public double Loss { get; init; }

    /// <summary>Gradients over ranks, as far as backward does not hide it.</summary>
    public double ExposedAllReduce { get; init; }

    /// <summary>The optimizer, and moving averages of weights.</summary>
    public double Optimizer { get; init; }

    /// <summary>The slowest of the ranks, beyond their mean.</summary>
    public double Stragglers { get; init; }

    /// <summary>Waiting for images.</summary>
    public double Loader { get; init; }

    /// <summary>Checkpoints, spread over steps.</summary>
    public double Checkpoint { get; init; }

    /// <summary>All of it.</summary>
    public double Total =>
        Compute + Transfer + Norms + Gathers + Loss + ExposedAllReduce + Optimizer + Stragglers + Loader + Checkpoint;
}

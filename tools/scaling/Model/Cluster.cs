namespace SelfSup.Tools.Scaling.Model;

/// <summary>What ranks compute on and speak through.</summary>
internal sealed record Cluster
{
    public required Network Network { get; init; }

    /// <summary>v, views of a step forward and backward that a rank's device makes in a second, where batches are large.</summary>
    public required double ViewsPerSecond { get; init; }

    /// <summary>Seconds that the operations of a forward pass take to be started, however small they are; as long for a backward pass.</summary>
    public double LaunchFloor { get; init; }

    /// <summary>Bytes/s of the device's memory, read and written.</summary>
    public double MemoryBandwidth { get; init; } = double.PositiveInfinity;

    /// <summary>Operations/s of the loss.</summary>
    public double LossSpeed { get; init; } = double.PositiveInfinity;

    /// <summary>Bytes/s to the device.</summary>
    public double HostBandwidth { get; init; } = double.PositiveInfinity;

    /// <summary>Images/s, with all their views, that a rank's loader makes.</summary>
    public double LoaderImagesPerSecond { get; init; } = double.PositiveInfinity;

    /// <summary>Of messages beside backward, the share of their time that backward loses.</summary>
    public double Interference { get; init; }

    /// <summary>s, standard deviation of a rank's compute time as a share of it.</summary>
    public double Spread { get; init; }
}

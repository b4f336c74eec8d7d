namespace SelfSup.Telemetry;

/// <summary>What can be asked of a run while it trains, from any thread. What a run does not have is null.</summary>
internal sealed class RunReadings
{
    /// <summary>Signs of life.</summary>
    public required Heartbeat Heartbeat { get; init; }

    /// <summary>Batches that are done and wait.</summary>
    public required Func<int> ReadyBatches { get; init; }

    /// <summary>Images by the path they came.</summary>
    public required Func<IEnumerable<(string Path, long Images)>> Decoded { get; init; }

    /// <summary>Images that were left out.</summary>
    public required Func<long> Unreadable { get; init; }

    /// <summary>How often the process that watches over the run has started it again; null on all ranks but the first.</summary>
    public long? Restarts { get; init; }

    /// <summary>The GPU it computes on.</summary>
    public Func<GpuReading?>? Gpu { get; init; }
}

/// <summary>What a GPU says of itself.</summary>
/// <param name="Id">Its UUID.</param>
/// <param name="Name">What it is.</param>
/// <param name="Utilization">Share of the last moments in which it computed, 0 to 1; null where it does not say, such as parts of a GPU.</param>
/// <param name="UsedBytes">Memory in use, of all processes.</param>
/// <param name="TotalBytes">Its memory.</param>
internal sealed record GpuReading(string Id, string Name, double? Utilization, long UsedBytes, long TotalBytes);

using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>How a <see cref="ViewLoader"/> works. None of it but the seed changes the views.</summary>
internal sealed class ViewLoaderOptions
{
    /// <summary>The run's seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads that make views. One processor is left to the consumer.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount - 1, 1, 8);

    /// <summary>Batches in memory: one the consumer has, the others being made or waiting.</summary>
    public int Prefetch { get; init; } = 3;

    public OnUnreadable OnUnreadable { get; init; } = OnUnreadable.Fail;

    /// <summary>Images with more pixels count as unreadable.</summary>
    public long MaxPixels { get; init; } = 64_000_000;
}

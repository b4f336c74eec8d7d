using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// How a <see cref="ViewLoader"/> works. How many workers and batches there are and what is cached changes no value.
/// </summary>
internal sealed class ViewLoaderOptions
{
    /// <summary>The run's seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads that make views. One processor is left to the consumer.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount - 1, 1, 8);

    /// <summary>Batches in memory: one the consumer has, the others being made or waiting.</summary>
    public int Prefetch { get; init; } = 3;

    public OnUnreadable OnUnreadable { get; init; } = OnUnreadable.Fail;

    /// <summary>How long is waited before a file that cannot be read is tried again, and again.</summary>
    public IReadOnlyList<TimeSpan> Pauses { get; init; } = PatientReader.UsualPauses;

    /// <summary>How the values of the batches are stored, as the network wants them.</summary>
    public ViewFormat Format { get; init; }

    /// <summary>Whether batches lie in page-locked memory, from which copies to a GPU run beside its work.</summary>
    public bool PinnedMemory { get; init; }

    /// <summary>Whether a JPEG of which all views are much smaller is decoded to a smaller image.</summary>
    public bool ScaleJpeg { get; init; }

    /// <summary>Keeps small images in decoded form, or null.</summary>
    public DecodedCache? Cache { get; init; }

    /// <summary>Images with more pixels count as unreadable.</summary>
    public long MaxPixels { get; init; } = 64_000_000;

    /// <summary>What decodes files; null for our own decoder and SkiaSharp.</summary>
    public ImageLibrary? Decoder { get; init; }
}

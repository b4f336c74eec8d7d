using System.Diagnostics;

using SelfSup.Checkpoints;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Runs;

/// <summary>
/// Bytes by what they are for, at the end of the last step. On a CPU they add up to <see cref="PeakResident"/>.
/// </summary>
internal sealed record MemoryUse
{
    /// <summary>The encoder's values, with the statistics of its normalisations.</summary>
    public required long Parameters { get; init; }

    public required long Gradients { get; init; }

    public required long OptimizerState { get; init; }

    /// <summary>What the method remembers beside its encoder: a key encoder, a queue, a memory bank.</summary>
    public required long MethodState { get; init; }

    /// <summary>The copy of all that a checkpoint saves, which is written while training goes on.</summary>
    public required long Snapshot { get; init; }

    /// <summary>The loader's batches.</summary>
    public required long Batches { get; init; }

    /// <summary>Images that are kept decoded.</summary>
    public required long DecodedCache { get; init; }

    /// <summary>Row groups of Parquet files and IDX files that are in memory.</summary>
    public required long SourceCache { get; init; }

    /// <summary>
    /// What a step needs at its height more than between steps: activations, and whatever libtorch allocates beside them.
    /// Null on a GPU, and where the C library does not say.
    /// </summary>
    public long? Activations { get; init; }

    /// <summary>The rest of what .NET's collector holds.</summary>
    public required long Managed { get; init; }

    /// <summary>
    /// What the C library keeps of freed memory and no step needs at its height: gaps of the wrong sizes. Null where it
    /// does not say.
    /// </summary>
    public long? Gaps { get; init; }

    /// <summary>libtorch and .NET themselves, threads and working space.</summary>
    public required long Rest { get; init; }

    /// <summary>The most that was resident so far.</summary>
    public required long PeakResident { get; init; }

    /// <summary>What a run uses.</summary>
    /// <param name="parts">The run.</param>
    /// <param name="resident">What was resident at the end of the last step.</param>
    /// <param name="activations">See <see cref="Activations"/>.</param>
    public static MemoryUse Of(RunParts parts, Residence resident, long? activations)
    {
        var encoder = parts.Method.Encoder;
        var (decoded, source) = (resident.DecodedCache, resident.SourceCache);
        var managed = Math.Max(0, resident.Committed - decoded - source); // caches are managed arrays
        var use = new MemoryUse
        {
            Parameters = Bytes(encoder.Parameters.Values) + encoder.buffers().Sum(Bytes),
            Gradients = Bytes(encoder.Parameters.Gradients),
            OptimizerState = Saved(parts.Optimizer),
            MethodState = Saved(parts.Method) - Saved(encoder),
            Snapshot = Saved(parts.Method) + Saved(parts.Optimizer),
            Batches = parts.Loader.Bytes,
            DecodedCache = decoded,
            SourceCache = source,
            Activations = parts.Compute.IsCuda ? null : activations,
            Gaps = resident.Freed is { } freed ? Math.Max(0, freed - (activations ?? 0)) : null,
            Managed = managed,
            Rest = 0,
            PeakResident = resident.Peak,
        };
        var onDevice = use.Parameters + use.Gradients + use.OptimizerState + use.MethodState;
        var known = use.Snapshot + use.Batches + decoded + source + managed + (use.Activations ?? 0) + (use.Gaps ?? 0) + (parts.Compute.IsCuda ? 0 : onDevice);
        return use with { Rest = Math.Max(0, use.PeakResident - known) };
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * tensor.ElementSize;

    /// <summary>Bytes of all that a checkpoint saves of it.</summary>
    private static long Saved(IStateful part)
    {
        using var archive = StateArchive.Saving();
        archive.Part("part", part);
        return archive.Bytes;
    }
}

/// <param name="Peak">The most that was resident so far.</param>
/// <param name="Freed">What the C library keeps of freed memory, or null.</param>
/// <param name="Committed">What .NET's collector holds.</param>
/// <param name="DecodedCache">Images that are kept decoded.</param>
/// <param name="SourceCache">Of the training images' source.</param>
internal readonly record struct Residence(long Peak, long? Freed, long Committed, long DecodedCache, long SourceCache)
{
    /// <summary>Now; quick to read.</summary>
    public static Residence Now(RunParts parts)
    {
        using var process = Process.GetCurrentProcess();
        return new(
            process.PeakWorkingSet64,
            NativeHeap.Bytes?.Freed,
            GC.GetGCMemoryInfo().TotalCommittedBytes,
            parts.Decoded.Bytes,
            parts.Images.CacheBytes);
    }
}

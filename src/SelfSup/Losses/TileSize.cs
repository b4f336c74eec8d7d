using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>The largest tile of a matrix of logits that is held at a time.</summary>
/// <param name="Rows">Its height.</param>
/// <param name="Columns">Its width.</param>
internal readonly record struct TileSize(long Rows, long Columns)
{
    // A tile is read and written several times: on a CPU it should stay in the cache of the core that works on it, on a
    // GPU one operation on it should be work enough for all of it.
    private const long CpuBytes = 1 << 20;
    private const long GpuBytes = 1 << 26;

    /// <summary>Sides below this are too short for a fast matrix product.</summary>
    private const long Shortest = 128;

    /// <summary>Columns above this would be read from memory and not from a cache the second time.</summary>
    private const long Widest = 4096;

    /// <summary>For a symmetric matrix with so many rows.</summary>
    public static TileSize Square(Tensor rows, int threads)
    {
        var side = Math.Min((long)Math.Sqrt(Elements(rows)), Share(rows, threads));
        return new(side, side);
    }

    /// <summary>For any other.</summary>
    public static TileSize Rectangle(Tensor rows, int threads)
    {
        var height = Math.Min((long)Math.Sqrt(Elements(rows)), rows.shape[0]);
        return new(height, Math.Clamp(Elements(rows) / height, Shortest, Widest));
    }

    private static long Elements(Tensor rows) =>
        (rows.device_type == DeviceType.CPU ? CpuBytes : GpuBytes) / rows.element_size();

    // Enough blocks that most tiles are not on the diagonal, and that every thread of a CPU has two of them at a time.
    private static long Share(Tensor rows, int threads) =>
        Math.Max(Shortest, rows.shape[0] / (rows.device_type == DeviceType.CPU ? 4 * (threads + 1) : 4));
}

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

    /// <summary>Rows below this are too few for a fast matrix product.</summary>
    private const long FewestRows = 128;

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
        return new(height, Math.Max(FewestRows, Elements(rows) / height));
    }

    private static long Elements(Tensor rows) =>
        (rows.device_type == DeviceType.CPU ? CpuBytes : GpuBytes) / rows.element_size();

    // Enough blocks for every thread to have two at a time.
    private static long Share(Tensor rows, int threads) => threads == 1
        ? long.MaxValue
        : Math.Max(FewestRows, rows.shape[0] / (4 * threads));
}

using System.Runtime.Intrinsics;

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>What is done with activations [R, C] whose channels lie together in memory.</summary>
internal interface IChannelKernel
{
    /// <summary>Four vectors of neighbouring lanes, in so many wide rows below each other.</summary>
    /// <param name="at">Index of the first value.</param>
    /// <param name="lane">Its place in the wide row.</param>
    /// <param name="rows">How many wide rows.</param>
    /// <param name="width">Values in a wide row.</param>
    void Block<T>(nint at, int lane, int rows, nint width)
        where T : unmanaged, IFloats<T>;

    /// <summary>One value.</summary>
    /// <param name="at">Its index.</param>
    /// <param name="lane">Its place in the wide row.</param>
    void One(nint at, int lane);
}

/// <summary>Leads a kernel over a chunk, with the longest vectors that the machine is fast with.</summary>
internal static class ChannelLoop
{
    /// <summary>Vectors in a block.</summary>
    public const int Vectors = 4;

    // Sums of a block stay in registers for so many wide rows; in that time few other lines are touched.
    private const int TileRows = 16;

    /// <summary>Lanes of a block.</summary>
    public static int Lanes { get; } = Vectors * (Vector512.IsHardwareAccelerated ? Floats16.Count
        : Vector256.IsHardwareAccelerated ? Floats8.Count : Floats4.Count);

    /// <summary>Does a chunk.</summary>
    public static void Run<TKernel>(in ChannelRows rows, int chunk, TKernel kernel)
        where TKernel : IChannelKernel
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Run<TKernel, Floats16>(rows, chunk, kernel);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Run<TKernel, Floats8>(rows, chunk, kernel);
        }
        else
        {
            Run<TKernel, Floats4>(rows, chunk, kernel);
        }
    }

    /// <summary>Does a chunk with given vectors.</summary>
    public static void Run<TKernel, T>(in ChannelRows rows, int chunk, TKernel kernel)
        where TKernel : IChannelKernel
        where T : unmanaged, IFloats<T>
    {
        var (first, end) = rows.Chunk(chunk);
        nint width = rows.Width;
        for (var tile = first; tile < end; tile += TileRows)
        {
            var count = (int)Math.Min(end - tile, TileRows);
            var start = (nint)tile * width;
            var lane = 0;
            for (; lane <= width - (Vectors * T.Count); lane += Vectors * T.Count)
            {
                kernel.Block<T>(start + lane, lane, count, width);
            }

            for (; lane < width; lane++)
            {
                for (var row = 0; row < count; row++)
                {
                    kernel.One(start + (row * width) + lane, lane);
                }
            }
        }

        for (var lane = 0; chunk == rows.Chunks - 1 && lane < rows.Rest; lane++)
        {
            kernel.One(((nint)rows.WideRows * width) + lane, lane);
        }
    }
}

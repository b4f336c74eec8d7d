namespace SelfSup.Models;

/// <summary>
/// Activations [R, C] with the channels together in memory, cut for kernels: a few rows of narrow channels count as one
/// wide row, so that vectors are full, and rows are cut into chunks that one thread does at a time. Where the cuts are
/// depends on R and C alone, so sums come out alike on any number of threads.
/// </summary>
internal readonly struct ChannelRows
{
    // Sums of a chunk are float32: long enough to be worth a thread, short enough to be exact.
    private const int ChunkValues = 1 << 16;

    public ChannelRows(long rows, int channels)
    {
        (Rows, Channels) = (rows, channels);
        Fold = Math.Max(1, ChannelLoop.Lanes / channels);
        Width = Fold * channels;
        WideRows = rows / Fold;
        Rest = (int)(rows % Fold) * channels;
        RowsOfChunk = Math.Max(1, ChunkValues / Width);
        Chunks = (int)Math.Max(1, (WideRows + RowsOfChunk - 1) / RowsOfChunk);
    }

    /// <summary>R.</summary>
    public long Rows { get; }

    /// <summary>C.</summary>
    public int Channels { get; }

    /// <summary>Rows in a wide row.</summary>
    public int Fold { get; }

    /// <summary>Values in a wide row.</summary>
    public int Width { get; }

    /// <summary>Whole wide rows.</summary>
    public long WideRows { get; }

    /// <summary>Values behind the last whole wide row.</summary>
    public int Rest { get; }

    /// <summary>Wide rows of a chunk, at most.</summary>
    public int RowsOfChunk { get; }

    /// <summary>Chunks; the last one has the rest as well.</summary>
    public int Chunks { get; }

    /// <summary>The wide rows of a chunk.</summary>
    public (long First, long End) Chunk(int chunk)
    {
        var first = (long)chunk * RowsOfChunk;
        return (first, Math.Min(WideRows, first + RowsOfChunk));
    }

    /// <summary>A value for each channel, repeated over a wide row.</summary>
    public float[] Wide(ReadOnlySpan<double> channels)
    {
        var wide = new float[Width];
        for (var i = 0; i < Width; i++)
        {
            wide[i] = (float)channels[i % Channels];
        }

        return wide;
    }

    /// <summary>Adds the lanes of wide rows up, channel by channel.</summary>
    /// <param name="sums">[Chunks * Width].</param>
    /// <returns>[C].</returns>
    public double[] Channel(float[] sums)
    {
        var channels = new double[Channels];
        for (var i = 0; i < sums.Length; i++)
        {
            channels[i % Channels] += sums[i];
        }

        return channels;
    }
}

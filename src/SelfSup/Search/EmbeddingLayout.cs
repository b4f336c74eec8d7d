namespace SelfSup.Search;

/// <summary>What the columns of a file of embeddings are.</summary>
/// <param name="Width">D, or F where it holds features.</param>
/// <param name="IsHalf">Whether numbers are float16, not float32.</param>
/// <param name="ClassNames">The classes that labels are places among; empty where there are none, nor columns for them.</param>
internal sealed record EmbeddingLayout(int Width, bool IsHalf, IReadOnlyList<string> ClassNames)
{
    private const long GroupBytes = 16L << 20;

    /// <summary>The largest row group: few enough rows that an interruption loses little, and memory stays bounded.</summary>
    public const int MostGroupRows = 4096;

    /// <summary>Whether there are classes.</summary>
    public bool HasClasses => ClassNames.Count > 0;

    /// <summary>Bytes of a number.</summary>
    public int NumberBytes => IsHalf ? 2 : 4;

    /// <summary>Rows of a full row group.</summary>
    public int GroupRows => (int)Math.Clamp(GroupBytes / (4L * Width), 1, MostGroupRows);
}

using SelfSup.Checkpoints;
using SelfSup.Datasets;

namespace SelfSup.Search;

/// <summary>
/// A Parquet file of embeddings that grows by one row group at a time. After each group it is a whole file; the next group takes
/// the place of its footer.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="layout">What its columns are.</param>
/// <param name="metadata">What it says of the embeddings.</param>
internal sealed class EmbeddingShard(string path, EmbeddingLayout layout, IReadOnlyDictionary<string, string> metadata)
{
    private static ReadOnlySpan<byte> Begin => "PAR1"u8;

    /// <summary>Appends a row group and forces it to disk. The same groups give the same bytes.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="before">The state before; null for a file that has not begun.</param>
    /// <returns>What is needed to come back to this state.</returns>
    /// <exception cref="IOException">It cannot be written; the file may then be damaged behind the groups before.</exception>
    public ShardState Append(EmbeddingRows rows, ShardState? before)
    {
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1 << 16);
        file.Position = before?.DataBytes ?? 0;
        if (before is null)
        {
            file.Write(Begin);
        }

        var group = new EmbeddingColumns(file, layout).Write(rows);
        var count = (before?.Rows ?? 0) + rows.Count;
        var state = new ShardState(count, file.Position, new EmbeddingFooter(layout, metadata).With(before?.Footer, count, group));
        file.Write(state.Footer);
        file.SetLength(file.Position);
        DurableFile.Flush(file);
        return state;
    }
}

using SelfSup.Datasets;
using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>
/// Writes row groups of embeddings beside the making of the next: a group into the shard that is growing, then into the journal
/// that it is there.
/// </summary>
/// <param name="folder">Where shards grow.</param>
/// <param name="layout">What their columns are.</param>
/// <param name="metadata">What they say of the embeddings.</param>
/// <param name="shardRows">Rows of a full shard.</param>
/// <param name="begun">Where to go on.</param>
internal sealed class GroupWriter(
    PackFolder folder, EmbeddingLayout layout, IReadOnlyDictionary<string, string> metadata, int shardRows, PackJournal begun) : IDisposable
{
    private PackJournal _journal = begun;
    private int _openRows = (begun.Open?.Rows ?? 0) % shardRows; // of a shard that is full, none of the next
    private EmbeddingRows _filling = new(layout.Width, layout.GroupRows);
    private EmbeddingRows _other = new(layout.Width, layout.GroupRows);
    private Task _writing = Task.CompletedTask;

    /// <summary>The group that is being filled.</summary>
    public EmbeddingRows Rows => _filling;

    /// <summary>Whether the group is full, or the shard with it.</summary>
    public bool IsFull => _filling.Count == layout.GroupRows || _openRows + _filling.Count == shardRows;

    /// <summary>Has the group written, if it has rows, and begins the next.</summary>
    /// <param name="done">Images of the source that are done by it, rows or left out.</param>
    /// <param name="unreadable">Those that were left out.</param>
    /// <exception cref="IOException">The group before could not be written.</exception>
    public void Flush(int done, IReadOnlyList<UnreadableImage> unreadable)
    {
        _writing.GetAwaiter().GetResult();
        if (_filling.Count == 0)
        {
            return;
        }

        (_filling, _other) = (_other, _filling);
        _filling.Clear();
        _openRows = (_openRows + _other.Count) % shardRows;
        var rows = _other;
        _writing = Task.Run(() => Write(rows, done, unreadable));
    }

    /// <summary>Waits until all of it is written, and says in the journal that nothing is missing.</summary>
    /// <param name="done">All images of the source.</param>
    /// <param name="unreadable">Those that were left out.</param>
    public PackJournal Finish(int done, IReadOnlyList<UnreadableImage> unreadable)
    {
        Flush(done, unreadable);
        _writing.GetAwaiter().GetResult();
        if (_journal.Shards > 0)
        {
            _journal = _journal with { Done = done, Unreadable = unreadable, IsWhole = true };
            folder.Save(_journal);
        }

        return _journal;
    }

    /// <summary>Waits until what was handed over is written, as well as it can be.</summary>
    public void Dispose()
    {
        try
        {
            _writing.GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What ended the work before it could meet this is said; the journal knows nothing of the group.
        }
    }

    private void Write(EmbeddingRows rows, int done, IReadOnlyList<UnreadableImage> unreadable)
    {
        var journal = _journal;
        if (journal.Open is { } full && full.Rows == shardRows)
        {
            journal = journal with { FullShards = [.. journal.FullShards, full.Rows], Open = null };
        }

        var state = new EmbeddingShard(folder.Shard(journal.FullShards.Count), layout, metadata).Append(rows, journal.Open);
        journal = journal with { Done = done, Open = state, Unreadable = unreadable };
        folder.Save(journal);
        _journal = journal;
    }
}

using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>How far packing or embedding is, in <c>journal.json</c>; written after each row group, when that is on disk.</summary>
internal sealed record PackJournal
{
    /// <summary>The version of this layout that this program writes.</summary>
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    /// <summary>Everything that decides what is written; the number of workers does not.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>Of the images, see <see cref="SourceFingerprint"/>.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Images of the order that are done, rows or left out.</summary>
    public int Done { get; init; }

    /// <summary>Rows of the shards that are full.</summary>
    public IReadOnlyList<int> FullShards { get; init; } = [];

    /// <summary>The shard that is growing; null before its first row group.</summary>
    public ShardState? Open { get; init; }

    /// <summary>Images that were left out.</summary>
    public IReadOnlyList<UnreadableImage> Unreadable { get; init; } = [];

    /// <summary>Whether all rows are written, so that files may already have got their names.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Shards so far, the growing one included.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Shards => FullShards.Count + (Open is null ? 0 : 1);

    /// <summary>Rows so far.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Rows => FullShards.Sum() + (Open?.Rows ?? 0);

    /// <summary>What differs from the settings of now, one text for each.</summary>
    public IReadOnlyList<string> DifferencesTo(IReadOnlyDictionary<string, string> now) =>
        [.. from key in Settings.Keys.Union(now.Keys).Order(StringComparer.Ordinal)
            let was = Settings.GetValueOrDefault(key, "not set")
            let become = now.GetValueOrDefault(key, "not set")
            where was != become
            select $"{key} was {was}, is {become}"];
}

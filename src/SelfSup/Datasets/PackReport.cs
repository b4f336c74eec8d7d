using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>What packing or embedding made.</summary>
/// <param name="Files">The Parquet files, in order.</param>
/// <param name="Images">Rows in all of them.</param>
/// <param name="Bytes">Their length together.</param>
/// <param name="Unreadable">Images left out, in the order of the rows.</param>
/// <param name="UnreadableFile">Where they are listed; null where there are none.</param>
internal sealed record PackReport(
    IReadOnlyList<string> Files, int Images, long Bytes, IReadOnlyList<UnreadableImage> Unreadable, string? UnreadableFile);

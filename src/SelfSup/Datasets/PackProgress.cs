namespace SelfSup.Datasets;

/// <summary>How far packing or embedding is.</summary>
/// <param name="Done">Images read so far, those of an earlier, interrupted start included.</param>
/// <param name="Total">Images in all.</param>
/// <param name="Unreadable">Images left out so far.</param>
internal readonly record struct PackProgress(int Done, int Total, int Unreadable);

namespace SelfSup.Search;

/// <summary>Images that are near-duplicates of each other, directly or over others.</summary>
/// <param name="Rows">Their rows, ascending.</param>
/// <param name="Kept">The row of the one that may stay when the others go: that with the most pixels, of those the one with the most bytes, then the first.</param>
/// <param name="Lowest">The lowest similarity of a pair in it that reaches the threshold.</param>
/// <param name="Highest">The highest.</param>
internal sealed record DuplicateGroup(IReadOnlyList<long> Rows, long Kept, double Lowest, double Highest)
{
    /// <summary>The groups of pairs, the largest first.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="sizeOf">Pixels and bytes of the image of a row.</param>
    public static IReadOnlyList<DuplicateGroup> Of(IReadOnlyList<NearPair> pairs, Func<long, (long Pixels, long Bytes)> sizeOf)
    {
        var parts = DuplicateGroups.Of(pairs);
        var partOf = parts.SelectMany((rows, part) => rows.Select(row => (row, part))).ToDictionary();
        var similarities = pairs.ToLookup(pair => partOf[pair.First], pair => pair.Similarity);
        return
        [
            .. parts.Select((rows, part) => new DuplicateGroup(
                rows,
                rows.OrderByDescending(row => sizeOf(row)).ThenBy(row => row).First(),
                similarities[part].Min(),
                similarities[part].Max())),
        ];
    }
}

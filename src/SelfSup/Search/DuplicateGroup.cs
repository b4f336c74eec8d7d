namespace SelfSup.Search;

/// <summary>
/// An image to keep, and its near-duplicates, each of which is near enough to it. What pairs merely connect over others is not in
/// one group: among images of one kind such chains lead from any to any.
/// </summary>
/// <param name="Kept">The row to keep.</param>
/// <param name="Others">The rows that may go, the most similar first.</param>
internal sealed record DuplicateGroup(long Kept, IReadOnlyList<NearRow> Others)
{
    /// <summary>How many images it has.</summary>
    public int Count => Others.Count + 1;

    /// <summary>Divides images with near-duplicates into groups, the largest first: the best image keeps its near-duplicates, then the best of those that are left.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="sizeOf">Pixels and bytes of the image of a row: the best has the most pixels, of those the most bytes, and then comes first.</param>
    public static IReadOnlyList<DuplicateGroup> Of(IReadOnlyList<NearPair> pairs, Func<long, (long Pixels, long Bytes)> sizeOf)
    {
        var near = pairs.Select(pair => (Row: pair.First, Near: new NearRow(pair.Second, pair.Similarity)))
            .Concat(pairs.Select(pair => (Row: pair.Second, Near: new NearRow(pair.First, pair.Similarity))))
            .ToLookup(entry => entry.Row, entry => entry.Near);
        var left = near.Select(rows => rows.Key).ToHashSet();
        var groups = new List<DuplicateGroup>();
        foreach (var row in left.OrderByDescending(sizeOf).ThenBy(row => row).ToArray())
        {
            if (left.Remove(row) && near[row].Where(other => left.Remove(other.Row)).ToArray() is [_, ..] others)
            {
                groups.Add(new DuplicateGroup(row, [.. others.OrderByDescending(other => other.Similarity).ThenBy(other => other.Row)]));
            }
        }

        return [.. groups.OrderByDescending(group => group.Count).ThenBy(group => group.Kept)];
    }
}

namespace SelfSup.Search;

/// <summary>Rows that pairs connect, directly or over others.</summary>
internal static class DuplicateGroups
{
    /// <summary>The groups, the largest first, and of equal ones that with the first row; rows ascending.</summary>
    public static IReadOnlyList<long[]> Of(IReadOnlyList<NearPair> pairs)
    {
        var parents = new Dictionary<long, long>();
        foreach (var pair in pairs)
        {
            var (a, b) = (Root(pair.First), Root(pair.Second));
            parents[Math.Max(a, b)] = Math.Min(a, b);
        }

        return
        [
            .. parents.Keys.ToArray().GroupBy(Root).Select(group => group.Order().ToArray())
                .OrderByDescending(group => group.Length).ThenBy(group => group[0]),
        ];

        long Root(long row)
        {
            parents.TryAdd(row, row);
            var root = row;
            while (parents[root] != root)
            {
                root = parents[root];
            }

            while (parents[row] != root)
            {
                (row, parents[row]) = (parents[row], root);
            }

            return root;
        }
    }
}

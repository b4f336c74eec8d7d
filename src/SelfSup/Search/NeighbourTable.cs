using SelfSup.Evaluation;

using static TorchSharp.torch;

namespace SelfSup.Search;

/// <summary>
/// The exact nearest rows of a table by the cosine, block by block: in memory are a block, the products of
/// <see cref="NeighbourSearch"/> and k rows for each query.
/// </summary>
internal static class NeighbourTable
{
    private const long BlockBytes = 256L << 20;

    /// <summary>Finds what is nearest to each query.</summary>
    /// <param name="table">What is searched.</param>
    /// <param name="queries">Each [D].</param>
    /// <param name="themselves">The row that each query is itself, which is passed over; null where it is none.</param>
    /// <param name="neighbours">k.</param>
    /// <param name="blockRows">Rows in memory at once; where not given, 256 MB.</param>
    /// <returns>The nearest rows of each query, at most k, the nearest first; of equally near ones the first.</returns>
    public static IReadOnlyList<IReadOnlyList<NearRow>> Find(
        EmbeddingTable table, IReadOnlyList<float[]> queries, IReadOnlyList<long?> themselves, int neighbours, long? blockRows = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var asked = tensor(queries.SelectMany(query => query).ToArray()).view(queries.Count, table.Width);
        NearRow[][] nearest = [.. queries.Select(_ => Array.Empty<NearRow>())];
        foreach (var block in table.Blocks(blockRows ?? Math.Max(1, BlockBytes / (4L * table.Width))))
        {
            using (block)
            {
                // One more: a query is its own nearest row.
                using var search = new NeighbourSearch(block.Rows, Math.Min(neighbours + 1L, block.Rows.shape[0]));
                search.Visit(asked, (query, found) =>
                {
                    var candidates = new List<NearRow>(nearest[query]);
                    for (var rank = 0; rank < found.Places.Length; rank++)
                    {
                        var row = block.First + found.Places[rank];
                        if (row != themselves[query])
                        {
                            candidates.Add(new NearRow(row, found.Similarity(rank)));
                        }
                    }

                    // Stable: rows of earlier blocks, and in a block earlier rows, stand first.
                    nearest[query] = [.. candidates.OrderByDescending(near => near.Similarity).Take(neighbours)];
                });
            }
        }

        return nearest;
    }
}

/// <summary>A row that is near.</summary>
/// <param name="Row">Which.</param>
/// <param name="Similarity">The cosine.</param>
internal readonly record struct NearRow(long Row, double Similarity);

using System.Collections.Concurrent;

using SelfSup.Losses;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// The exact nearest neighbours by cosine or Euclidean distance. Works in tiles that stay in a core's cache, on as many
/// threads as libtorch has, and needs at most about 64 MB a thread (or two lists of M places, if more) beside the features,
/// whatever their number and that of the queries. Among equally near neighbours the one that comes first in the bank goes first.
/// </summary>
/// <remarks>
/// Euclidean distances are compared by way of products. In float32 those of two features that differ by less than about
/// 1/3000 of their distance from the mean are rounding.
/// </remarks>
internal sealed class NeighbourSearch : IDisposable
{
    private const long BytesAtOnce = 1 << 26; // of lists, a thread
    private const long MostQueries = 2048;
    private const long LongestBankTile = 512;

    private readonly SearchBank _bank;
    private readonly int _threads = get_num_threads();
    private readonly long _blockQueries;
    private readonly ConcurrentBag<SearchTiles> _memories = []; // of threads that are not searching

    /// <param name="bank">The features to search, [M, F], on the CPU; borrowed.</param>
    /// <param name="neighbours">How many to find for each query, k; at most M, or M - 1 where queries are of the bank.</param>
    /// <param name="distance">What near means.</param>
    /// <param name="longestBankTile">How many rows of the bank are compared at once.</param>
    public NeighbourSearch(
        Tensor bank,
        long neighbours,
        FeatureDistance distance = FeatureDistance.Cosine,
        long longestBankTile = LongestBankTile)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(neighbours);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(neighbours, bank.shape[0]);
        _bank = new SearchBank(bank, distance, longestBankTile);
        Neighbours = neighbours;
        _blockQueries = Math.Clamp(BytesAtOnce / NearestList.Bytes(neighbours, bank.shape[0]), 1, MostQueries);
        QueryTile = _blockQueries * _threads;
    }

    /// <summary>k.</summary>
    public long Neighbours { get; }

    /// <summary>How many queries at once keep the memory within bounds, and every thread at work.</summary>
    public long QueryTile { get; }

    /// <summary>Finds the neighbours of queries and shows them.</summary>
    /// <param name="queries">Features, [Q, F]; best <see cref="QueryTile"/> of them.</param>
    /// <param name="visit">Is shown every query's.</param>
    /// <param name="themselves">Where each query stands in the bank, which is not its neighbour; null where it does not.</param>
    public void Visit(Tensor queries, NeighbourVisitor visit, long[]? themselves = null)
    {
        if (themselves is not null)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Neighbours, _bank.Count);
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var prepared = _bank.Prepare(queries);
        var lengths = _bank.SquaredLengths(prepared);
        var blocks = Block.Divide(prepared.shape[0], Math.Min(_blockQueries, Share(prepared.shape[0])));
        // No two blocks share a sum, so that none waits for another.
        Tile[] tiles = [.. blocks.Select((_, i) => new Tile(i, 0, i, i))];
        TileRun.Run(tiles, tiles.Length, _threads, () => tile =>
        {
            var memory = _memories.TryTake(out var free) ? free : new SearchTiles(_bank, Neighbours, _blockQueries);
            var block = blocks[tile.Row];
            var excluded = themselves is null ? [] : themselves.AsSpan((int)block.Start, (int)block.Length);
            var lists = memory.Find(block.Of(prepared), excluded);
            for (var i = 0; i < block.Length; i++)
            {
                var (keys, places) = lists[i].Sorted;
                var query = (int)block.Start + i;
                visit(query, new Neighbours(keys.Span, places.Span, _bank.Bytes, lengths[query]));
            }

            _memories.Add(memory);
        });
    }

    /// <summary>Finds the neighbours of a tile of queries.</summary>
    /// <param name="queries">Features, [Q, F].</param>
    /// <param name="themselves">Where each query stands in the bank, which is not its neighbour; null where it does not.</param>
    /// <returns>
    /// Both [Q, k], the nearest first: cosines or distances with a minus, of the features' type, and places in the bank.
    /// </returns>
    public (Tensor Similarities, Tensor Indices) Find(Tensor queries, long[]? themselves = null)
    {
        using var scope = NewDisposeScope();
        var similarities = new double[queries.shape[0] * Neighbours];
        var indices = new long[similarities.Length];
        Visit(
            queries,
            (query, found) =>
            {
                for (var rank = 0; rank < found.Places.Length; rank++)
                {
                    similarities[(query * Neighbours) + rank] = found.Similarity(rank);
                    indices[(query * Neighbours) + rank] = found.Places[rank];
                }
            },
            themselves);
        return (
            tensor(similarities).view(-1, Neighbours).to(queries.dtype).MoveToOuterDisposeScope(),
            tensor(indices).view(-1, Neighbours).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _bank.Dispose();
        foreach (var memory in _memories)
        {
            memory.Dispose();
        }
    }

    // Blocks that give every thread as many queries as the others.
    private long Share(long queries)
    {
        var rounds = (queries + (_blockQueries * _threads) - 1) / (_blockQueries * _threads);
        return Math.Max(1, (queries + (rounds * _threads) - 1) / (rounds * _threads));
    }
}

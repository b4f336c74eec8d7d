using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// The exact nearest neighbours by cosine similarity. Works in tiles: a bank of 1.28 million images and 50,000 queries
/// need about 100 MiB beside the features, not 256 GB of similarities. Among equally similar neighbours the one that comes
/// first in the bank goes first.
/// </summary>
internal sealed class NeighbourSearch : IDisposable
{
    private const long TileElements = 1 << 24;
    private const long LongestBankTile = 1 << 16;

    private readonly Tensor _bank;
    private readonly Tensor _inverseNorms; // [M]
    private readonly long _bankTile;

    /// <param name="bank">The features to search, [M, F]; borrowed.</param>
    /// <param name="neighbours">How many to find for each query, k; at most M.</param>
    /// <param name="longestBankTile">How many rows of the bank are compared at once.</param>
    public NeighbourSearch(Tensor bank, long neighbours, long longestBankTile = LongestBankTile)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(neighbours, bank.shape[0]);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        (_bank, Neighbours) = (bank, neighbours);
        _bankTile = Math.Min(longestBankTile, bank.shape[0]);
        _inverseNorms = bank.norm(1, false, 2).clamp_min(1e-12).reciprocal().DetachFromDisposeScope();
        QueryTile = Math.Max(1, TileElements / _bankTile);
    }

    /// <summary>k.</summary>
    public long Neighbours { get; }

    /// <summary>How many queries at once keep the memory within bounds.</summary>
    public long QueryTile { get; }

    /// <summary>Finds the neighbours of a tile of queries.</summary>
    /// <param name="queries">Features, [Q, F].</param>
    /// <returns>Both [Q, k], the most similar first: cosine similarities, and places in the bank.</returns>
    public (Tensor Similarities, Tensor Indices) Find(Tensor queries)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // Norms divide the queries before, and the similarities after: the bank is never copied.
        var normalized = queries / queries.norm(1, true, 2).clamp_min(1e-12);
        var (similarities, indices) = Tile(normalized, 0);
        for (var offset = _bankTile; offset < _bank.shape[0]; offset += _bankTile)
        {
            using var inner = NewDisposeScope();
            var (more, moreIndices) = Tile(normalized, offset);
            // A stable sort keeps earlier places of the bank first.
            var (sorted, order) = sort(cat([similarities, more], 1), 1, descending: true, stable: true);
            var kept = Math.Min(Neighbours, sorted.shape[1]);
            indices = cat([indices, moreIndices], 1).gather(1, order.narrow(1, 0, kept)).MoveToOuterDisposeScope();
            similarities = sorted.narrow(1, 0, kept).clone().MoveToOuterDisposeScope();
        }

        return (similarities.MoveToOuterDisposeScope(), indices.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose() => _inverseNorms.Dispose();

    // The best of one tile of the bank, ordered by similarity and place.
    private (Tensor Similarities, Tensor Indices) Tile(Tensor queries, long offset)
    {
        using var scope = NewDisposeScope();
        var length = Math.Min(_bankTile, _bank.shape[0] - offset);
        var kept = Math.Min(Neighbours, length);
        var all = queries.matmul(_bank.narrow(0, offset, length).t()); // [Q, length]
        all.mul_(_inverseNorms.narrow(0, offset, length));
        var (_, chosen) = all.topk((int)kept, 1);
        var lowest = all.gather(1, chosen.narrow(1, kept - 1, 1));
        var tied = (all >= lowest).sum(1) > kept; // [Q]
        if (tied.any().item<bool>())
        {
            // topk says nothing of which of equals it takes; identical images and dead encoders have many.
            var rows = tied.nonzero().squeeze(1);
            var (_, order) = sort(all.index_select(0, rows), 1, descending: true, stable: true);
            chosen.index_copy_(0, rows, order.narrow(1, 0, kept));
        }

        (chosen, var _) = chosen.sort(1);
        var (similarities, byValue) = sort(all.gather(1, chosen), 1, descending: true, stable: true);
        return (
            similarities.MoveToOuterDisposeScope(),
            (chosen.gather(1, byValue) + offset).MoveToOuterDisposeScope());
    }
}

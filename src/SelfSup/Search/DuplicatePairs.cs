using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Search;

/// <summary>
/// All pairs of rows whose similarity reaches a threshold: products in float32 propose them, and their cosine in float64 decides, which is
/// exact for rows that are float32, as read or, where they are whitened, as rounded after that. In memory are up to three blocks of rows (two
/// that are compared, and one more while it is read), a tile of products and the pairs; where the rows do not fit into a block, files are
/// read once for each block.
/// </summary>
/// <param name="options">What is looked for.</param>
internal sealed class DuplicatePairs(DuplicateOptions options)
{
    private const long BlockBytes = 256L << 20;
    private const long DecidedBytes = 16L << 20;
    private const long Tile = 2048;

    /// <summary>The most that a float32 product of unit vectors may be wrong by.</summary>
    private const double Rounding = 1e-3;

    private readonly List<NearPair> _pairs = [];
    private double _compared; // pairs

    /// <summary>Finds them.</summary>
    /// <param name="table">The rows.</param>
    /// <param name="progress">Told how much of the work is done, in rows of the table, of how many.</param>
    /// <param name="cancellationToken">Ends it between two tiles.</param>
    /// <returns>The pairs, the most similar first.</returns>
    /// <exception cref="RecipeException">There are more pairs than are wanted.</exception>
    public IReadOnlyList<NearPair> Find(EmbeddingTable table, Action<long, long> progress, CancellationToken cancellationToken)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var rowsAtOnce = options.BlockRows ?? Math.Max(1, BlockBytes / (4L * table.Width));
        using var whitening = options.IsWhitened ? Whitening.Of(table, rowsAtOnce, cancellationToken) : null;
        foreach (var block in table.Blocks(rowsAtOnce))
        {
            using var rows = Unit(block, whitening);
            Compare(rows, rows, Report, cancellationToken);
            foreach (var later in table.Blocks(rowsAtOnce, rows.End))
            {
                using var others = Unit(later, whitening);
                Compare(rows, others, Report, cancellationToken);
            }
        }

        return [.. _pairs.OrderByDescending(pair => pair.Similarity).ThenBy(pair => pair.First).ThenBy(pair => pair.Second)];

        void Report() => progress((long)(table.Rows * Math.Min(1, _compared / (0.5 * table.Rows * table.Rows))), table.Rows);
    }

    private static EmbeddingBlock Unit(EmbeddingBlock block, Whitening? whitening)
    {
        using var scope = NewDisposeScope();
        using (block)
        {
            var rows = whitening is null ? block.Rows.alias() : whitening.Apply(block.Rows);
            return new EmbeddingBlock(block.First, rows.div_(rows.norm(1, true, 2).clamp_min(1e-12)).DetachFromDisposeScope());
        }
    }

    private void Compare(EmbeddingBlock rows, EmbeddingBlock others, Action report, CancellationToken cancellationToken)
    {
        var isSame = ReferenceEquals(rows, others);
        for (var first = 0L; first < rows.Rows.shape[0]; first += Tile)
        {
            for (var second = isSame ? first : 0; second < others.Rows.shape[0]; second += Tile)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Compare(rows, first, others, second, isSame && first == second);
                report();
            }
        }
    }

    private void Compare(EmbeddingBlock rows, long first, EmbeddingBlock others, long second, bool isDiagonal)
    {
        using var scope = NewDisposeScope();
        var left = rows.Rows.narrow(0, first, Math.Min(Tile, rows.Rows.shape[0] - first));
        var right = others.Rows.narrow(0, second, Math.Min(Tile, others.Rows.shape[0] - second));
        _compared += left.shape[0] * right.shape[0] * (isDiagonal ? 0.5 : 1);
        var near = left.mm(right.t()).ge(options.Threshold - Rounding);
        near = isDiagonal ? near.triu(1) : near;
        var places = near.nonzero(); // [pairs, 2]
        if (places.shape[0] == 0)
        {
            return;
        }

        foreach (var some in places.split(Math.Max(1, DecidedBytes / (8 * left.shape[1]))))
        {
            Decide(rows.First + first, left, others.First + second, right, some);
        }
    }

    private void Decide(long first, Tensor left, long second, Tensor right, Tensor places)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (left.index_select(0, places.select(1, 0)).to(float64), right.index_select(0, places.select(1, 1)).to(float64));
        var cosines = (a * b).sum(dim: 1).div(a.norm(1, false, 2)).div(b.norm(1, false, 2)).data<double>().ToArray();
        var pairs = places.contiguous().data<long>().ToArray();
        for (var i = 0; i < cosines.Length; i++)
        {
            if (!(cosines[i] >= options.Threshold)) // nor where one is zero and has no direction
            {
                continue;
            }

            if (_pairs.Count == options.MostPairs)
            {
                throw TooMany();
            }

            _pairs.Add(new NearPair(first + pairs[2 * i], second + pairs[(2 * i) + 1], Math.Min(1, cosines[i])));
        }
    }

    private RecipeException TooMany() => new(
        $"--threshold: {options.Threshold} is reached by more than {options.MostPairs:N0} pairs, which are not listed in part, as groups would be wrong; "
        + "raise it, or the limit by --most-pairs");
}

/// <summary>Two rows that are near each other.</summary>
/// <param name="First">The first row.</param>
/// <param name="Second">A later one.</param>
/// <param name="Similarity">Their cosine.</param>
internal readonly record struct NearPair(long First, long Second, double Similarity);

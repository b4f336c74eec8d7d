using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// How a matrix of similarities is divided. Where there are too few blocks of rows for all threads, columns fall into parts,
/// and every row has a sum for each of them.
/// </summary>
internal sealed class RectangularPlan
{
    private readonly Tile[] _tiles;
    private readonly int _sums;
    private readonly int _threads;

    /// <param name="rows">[N, D].</param>
    /// <param name="columns">[K, D].</param>
    /// <param name="settings">The largest tile, and how many threads there are.</param>
    /// <param name="columnsLearn">Every column has a sum too.</param>
    /// <param name="multiples">What blocks are multiples of, but the last ones.</param>
    public RectangularPlan(
        Tensor rows, Tensor columns, SimilaritySettings settings, bool columnsLearn, (int Rows, int Columns)? multiples = null)
    {
        var (ofRows, ofColumns) = multiples ?? (1, 1);
        _threads = settings.Threads;
        Rows = Block.Divide(rows.shape[0], settings.Size.Rows, ofRows);
        Columns = Block.Divide(columns.shape[0], settings.Size.Columns, ofColumns);
        LongestRows = Block.RoundUp(Rows.Max(r => r.Length), ofRows);
        LongestColumns = Block.RoundUp(Columns.Max(c => c.Length), ofColumns);
        Parts = Math.Min(Columns.Length, (settings.Threads + Rows.Length - 1) / Rows.Length);
        _sums = (Rows.Length * Parts) + Columns.Length;
        // In a round every row meets another column: tiles that are worked on at the same time share no sum.
        _tiles =
        [
            .. from round in Enumerable.Range(0, Columns.Length)
               from row in Enumerable.Range(0, Rows.Length)
               let column = (round + row) % Columns.Length
               let first = (row * Parts) + (column % Parts)
               select new Tile(row, column, first, columnsLearn ? (Rows.Length * Parts) + column : first),
        ];
    }

    public Block[] Rows { get; }

    public Block[] Columns { get; }

    /// <summary>Memory for a tile takes so many rows.</summary>
    public long LongestRows { get; }

    /// <summary>And so many columns.</summary>
    public long LongestColumns { get; }

    /// <summary>How many sums a row has.</summary>
    public int Parts { get; }

    /// <summary>Which of its row's sums a tile adds to.</summary>
    public int Part(Tile tile) => tile.First % Parts;

    /// <summary>The rows of a tile in sums [Parts, N, ...].</summary>
    public Tensor PartOf(Tensor sums, Tile tile) => Rows[tile.Row].Of(sums[Part(tile)]);

    /// <summary>Does the work of every tile.</summary>
    public void Run(Func<Action<Tile>> newWork) => TileRun.Run(_tiles, _sums, _threads, newWork);
}

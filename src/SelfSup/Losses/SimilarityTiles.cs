using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Similarities of N rows with M columns, divided by a temperature, a tile at a time in one buffer: a tile lies in the cache
/// of a CPU, and the whole of them, [N, M], in no memory. Excluded columns of a row are as if they were not there.
/// </summary>
internal sealed class SimilarityTiles : IDisposable
{
    // Float32 values of a tile for each thread, half of a second-level cache of 1 MiB; and of a tile on a GPU.
    private const long ValuesPerThread = 1 << 17;
    private const long ValuesOnGpu = 1 << 26;
    private const long LongestSide = 512;

    private readonly Tensor _rows; // [N, D]
    private readonly Tensor _scaled; // [N, D], the rows divided by the temperature
    private readonly Tensor _columns; // [M, D], in the rows' type or in bfloat16
    private readonly Tensor? _excluded; // [N, E]
    private readonly bool _keeps;
    private Tensor _buffer; // [tile height, tile width + 1]: the last column takes what is excluded elsewhere

    /// <param name="rows">[N, D].</param>
    /// <param name="columns">[M, D]; the same tensor as rows if every row is compared with every other.</param>
    /// <param name="temperature">Divides.</param>
    /// <param name="excluded">Columns left out of each row, [N, E] int64, or null.</param>
    /// <param name="tileSide">Height and width of a tile, for tests; 0 for what fits the device.</param>
    /// <param name="keeps">Whether a tile stays as it is when the next one is made.</param>
    public SimilarityTiles(Tensor rows, Tensor columns, double temperature, Tensor? excluded, int tileSide, bool keeps = false)
    {
        _keeps = keeps;
        (_rows, _columns, _excluded) = (rows, columns, excluded);
        _scaled = rows / temperature;
        (Rows, Columns) = (rows.shape[0], columns.shape[0]);
        (Height, Width) = tileSide > 0 ? (tileSide, tileSide) : TileOf(rows);
        (Height, Width) = (Math.Min(Height, Rows), Math.Min(Width, Columns));
        _buffer = Buffer();
    }

    /// <summary>N.</summary>
    public long Rows { get; }

    /// <summary>M.</summary>
    public long Columns { get; }

    /// <summary>Rows of a tile, at most.</summary>
    public long Height { get; }

    /// <summary>Columns of a tile, at most.</summary>
    public long Width { get; }

    /// <summary>
    /// Whether no logit is so large or small that its exponential, or a sum of all, would leave the range of the type: by
    /// Cauchy and Schwarz |z c| is at most |z| |c|. Costs a look at the lengths, and on a GPU waiting for it.
    /// </summary>
    public bool AreSmall()
    {
        using var scope = NewDisposeScope();
        return Longest(_scaled) * Longest(_columns) < (_rows.dtype == ScalarType.Float64 ? 600 : 60);
    }

    /// <summary>A part of the rows, [n, D].</summary>
    public Tensor RowsOf(long first, long count) => _rows.narrow(0, first, count);

    /// <summary>A part of the columns in the rows' type, [m, D].</summary>
    public Tensor ColumnsOf(long first, long count)
    {
        var part = _columns.narrow(0, first, count);
        return part.dtype == _rows.dtype ? part : part.to(_rows.dtype);
    }

    /// <summary>Logits of a tile, [n, m], in the buffer until the next tile.</summary>
    public Tensor Logits(long firstRow, long rows, long firstColumn, long columns)
    {
        if (_keeps)
        {
            _buffer.Dispose(); // its views live on
            _buffer = Buffer();
        }

        var tile = _buffer.narrow(0, 0, rows).narrow(1, 0, columns);
        tile.addmm_(_scaled.narrow(0, firstRow, rows), ColumnsOf(firstColumn, columns).t(), beta: 0, alpha: 1);
        return tile;
    }

    /// <summary>Writes a value where columns are excluded into the tile that is in the buffer.</summary>
    public void Exclude(long firstRow, long rows, long firstColumn, long columns, double value)
    {
        if (_excluded is null)
        {
            return;
        }

        // What is excluded in another tile goes to the column behind this one: no step of it depends on the numbers.
        var column = _excluded.narrow(0, firstRow, rows) - firstColumn;
        var elsewhere = (column < 0).logical_or(column >= columns);
        column = column.masked_fill(elsewhere, columns);
        _buffer.narrow(0, 0, rows).narrow(1, 0, columns + 1).scatter_(1, column, full_like(column, value, dtype: _rows.dtype));
    }

    public void Dispose()
    {
        _scaled.Dispose();
        _buffer.Dispose();
    }

    private Tensor Buffer() => empty(Height, Width + 1, _rows.dtype, _rows.device).DetachFromDisposeScope();

    private static (long Height, long Width) TileOf(Tensor rows)
    {
        var values = rows.device_type == DeviceType.CPU ? ValuesPerThread * get_num_threads() : ValuesOnGpu;
        var height = Math.Min(rows.shape[0], Math.Max(LongestSide, (long)Math.Sqrt(values)));
        return (height, Math.Max(1, values / height));
    }

    private static double Longest(Tensor vectors)
    {
        using var lengths = vectors.norm(1, false, 2);
        using var longest = lengths.max();
        return longest.to(float64).item<double>();
    }
}

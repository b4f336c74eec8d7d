using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// The log-sum-exp over a symmetric matrix of similarities, every row against every row. A tile above the diagonal serves
/// its mirror image too: s_ij = s_ji. It needs logits so small that no exponential overflows or vanishes, which unit-length
/// embeddings have at all usual temperatures; then there is no maximum to subtract, and one exponential serves both.
/// </summary>
internal static class MirroredTiles
{
    // exp(-limit) times a gradient of 1e-15 is still a normal number, and a sum of exp(limit) does not overflow.
    private const double LimitFloat32 = 40;
    private const double LimitFloat64 = 600;

    /// <summary>Whether all logits are small enough. Waits for the device.</summary>
    public static bool CanHold(Tensor rows, double temperature)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        // By Cauchy and Schwarz no similarity is larger than the largest square of a length.
        var longest = linalg.vector_norm(rows, 2, [1]).max().to(float64).item<double>();
        return longest * longest / temperature <= (rows.dtype == ScalarType.Float64 ? LimitFloat64 : LimitFloat32);
    }

    /// <summary>[N] from [N, D].</summary>
    public static Tensor LogSumExp(Tensor rows, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var (blocks, tiles) = Divide(rows, settings);
        var sums = zeros(rows.shape[0], dtype: float64, device: rows.device);
        var scaled = rows / settings.Temperature;
        TileRun.Run(tiles, blocks.Length, settings.Threads, () =>
        {
            var memory = Memory(rows, settings);
            return tile =>
            {
                var (row, column) = (blocks[tile.Row], blocks[tile.Column]);
                var exponentials = settings.Logits(memory, row.Of(scaled), column.Of(rows), row, column).exp_();
                row.Of(sums).add_(exponentials.sum(dim: 1));
                if (tile.Row != tile.Column)
                {
                    column.Of(sums).add_(exponentials.sum(dim: 0));
                }
            };
        });
        return sums.log_().to(rows.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// [N, D]: with p_ij = exp(s_ij - logSumExp_i) and g the gradient of the result, row i gets
    /// sum_j (g_i p_ij + g_j p_ji) rows_j / temperature, in which the two p have the same exponential.
    /// </summary>
    public static Tensor Gradient(Tensor rows, Tensor logSumExp, Tensor gradient, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var (blocks, tiles) = Divide(rows, settings);
        var weights = Weights(logSumExp, gradient);
        var scaled = rows / settings.Temperature;
        var result = zeros_like(rows);
        TileRun.Run(tiles, blocks.Length, settings.Threads, () =>
        {
            var (memory, weightMemory) = (Memory(rows, settings), Memory(rows, settings));
            return tile =>
            {
                var (row, column) = (blocks[tile.Row], blocks[tile.Column]);
                var products = settings.Logits(memory, row.Of(scaled), column.Of(rows), row, column).exp_();
                var both = weightMemory.narrow(0, 0, row.Length * column.Length).view(row.Length, column.Length);
                both.copy_(column.Of(weights)).add_(row.Of(weights).unsqueeze(1));
                products.mul_(both);
                row.Of(result).addmm_(products, column.Of(rows), beta: 1, alpha: 1);
                if (tile.Row != tile.Column)
                {
                    column.Of(result).addmm_(products.t(), row.Of(rows), beta: 1, alpha: 1);
                }
            };
        });
        return result.div_(settings.Temperature).MoveToOuterDisposeScope();
    }

    /// <summary>g_i / sum_j exp(s_ij), [N]; 0 where the sum is empty.</summary>
    public static Tensor Weights(Tensor logSumExp, Tensor gradient) => where(
        logSumExp.isneginf(), zeros_like(gradient), gradient.to(float64) * (-logSumExp.to(float64)).exp()).to(gradient.dtype);

    private static Tensor Memory(Tensor rows, SimilaritySettings settings) =>
        empty(Math.Min(settings.Size.Rows, rows.shape[0]) * Math.Min(settings.Size.Columns, rows.shape[0]), dtype: rows.dtype, device: rows.device);

    /// <summary>
    /// The tiles on and above the diagonal in rounds, those whose blocks add up to the same number modulo the number of
    /// blocks. In a round every block has exactly one partner, so all its tiles can be worked on at the same time.
    /// </summary>
    public static (Block[] Blocks, Tile[] Tiles) Divide(Tensor rows, SimilaritySettings settings, long multiple = 1)
    {
        var blocks = Block.Divide(rows.shape[0], settings.Size.Rows, multiple);
        var tiles = from round in Enumerable.Range(0, blocks.Length)
                    from row in Enumerable.Range(0, blocks.Length)
                    let column = (round - row + blocks.Length) % blocks.Length
                    where row <= column
                    select new Tile(row, column, row, column);
        return (blocks, [.. tiles]);
    }
}

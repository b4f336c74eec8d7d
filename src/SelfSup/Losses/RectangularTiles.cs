using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// The log-sum-exp over any matrix of similarities, with the largest logit of a row seen so far subtracted, so that
/// embeddings may be of any length (the online softmax of Milakov and Gimelshein 2018, https://arxiv.org/abs/1805.02867).
/// </summary>
internal static class RectangularTiles
{
    /// <summary>[N] from [N, D] and [K, D].</summary>
    public static Tensor LogSumExp(Tensor rows, Tensor columns, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var plan = new RectangularPlan(rows, columns, settings, columnsLearn: false);
        // Below every logit but minus infinity, so that no difference is undefined.
        var maxima = full([plan.Parts, rows.shape[0]], Lowest(rows), dtype: rows.dtype, device: rows.device);
        var sums = zeros([plan.Parts, rows.shape[0]], dtype: float64, device: rows.device);
        var scaled = rows / settings.Temperature;
        plan.Run(() =>
        {
            var memory = Memory(plan, rows);
            var converted = MemoryOfColumns(plan, rows, columns);
            return tile =>
            {
                var (row, column) = (plan.Rows[tile.Row], plan.Columns[tile.Column]);
                var logits = settings.Logits(memory, row.Of(scaled), Converted(column, columns, converted), row, column);
                var largest = plan.PartOf(maxima, tile);
                var largestNow = largest.maximum(logits.amax([1L]));
                logits.sub_(largestNow.unsqueeze(1)).exp_();
                plan.PartOf(sums, tile).mul_(largest.sub_(largestNow).exp_()).add_(logits.sum(dim: 1));
                largest.copy_(largestNow);
            };
        });
        var whole = maxima.amax([0L]);
        var sum = (sums * (maxima - whole).exp()).sum(dim: 0);
        return (sum.log_() + whole).to(rows.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// [N, D] and [K, D], each null where nothing is learned: with p_ij = exp(s_ij - logSumExp_i) and g the gradient of the
    /// result, row i gets g_i sum_j p_ij columns_j / temperature, column j gets sum_i g_i p_ij rows_i / temperature.
    /// </summary>
    public static (Tensor? Rows, Tensor? Columns) Gradients(
        Tensor rows, Tensor columns, Tensor logSumExp, Tensor gradient, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var plan = new RectangularPlan(rows, columns, settings, columns.requires_grad);
        var scaled = rows / settings.Temperature;
        var weighted = columns.requires_grad ? scaled * gradient.unsqueeze(1) : null;
        // An empty sum is minus infinity, and so are its logits: their difference must not be undefined.
        var shift = where(logSumExp.isneginf(), zeros_like(logSumExp), logSumExp).unsqueeze(1);
        var ofRows = rows.requires_grad
            ? zeros([plan.Parts, rows.shape[0], rows.shape[1]], dtype: rows.dtype, device: rows.device)
            : null;
        var ofColumns = columns.requires_grad ? zeros_like(columns) : null;
        plan.Run(() =>
        {
            var memory = Memory(plan, rows);
            var converted = MemoryOfColumns(plan, rows, columns);
            return tile =>
            {
                var (row, column) = (plan.Rows[tile.Row], plan.Columns[tile.Column]);
                var columnsNow = Converted(column, columns, converted);
                var shares = settings.Logits(memory, row.Of(scaled), columnsNow, row, column).sub_(row.Of(shift)).exp_();
                if (ofRows is not null)
                {
                    plan.PartOf(ofRows, tile).addmm_(shares, columnsNow, beta: 1, alpha: 1);
                }

                if (ofColumns is not null)
                {
                    column.Of(ofColumns).addmm_(shares.t(), row.Of(weighted!), beta: 1, alpha: 1);
                }
            };
        });
        return (
            ofRows?.sum(dim: 0).mul_(gradient.unsqueeze(1)).div_(settings.Temperature).MoveToOuterDisposeScope(),
            ofColumns?.MoveToOuterDisposeScope());
    }

    private static Tensor Memory(RectangularPlan plan, Tensor rows) =>
        empty(plan.LongestRows * plan.LongestColumns, dtype: rows.dtype, device: rows.device);

    private static Tensor? MemoryOfColumns(RectangularPlan plan, Tensor rows, Tensor columns) => columns.dtype == rows.dtype
        ? null
        : empty(plan.LongestColumns, columns.shape[1], dtype: rows.dtype, device: rows.device);

    private static double Lowest(Tensor rows) => rows.dtype == ScalarType.Float64 ? double.MinValue : float.MinValue;

    private static Tensor Converted(Block block, Tensor columns, Tensor? memory)
    {
        var part = block.Of(columns);
        return memory is null ? part : memory.narrow(0, 0, block.Length).copy_(part);
    }
}

using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// log(sum over columns of exp(row . column / temperature)) for each row: what every contrastive loss divides by. Forwards
/// and backwards it goes tile by tile over <see cref="SimilarityTiles"/> and keeps the result alone, so N x M similarities
/// take no more memory than rows and columns do.
/// </summary>
internal static class SimilarityLogSumExp
{
    // As much as the activations of a few images.
    private const long KeptBytes = 1 << 26;

    /// <summary>The logarithm of each row's sum, with gradients for rows and for columns if they require them.</summary>
    /// <param name="rows">[N, D].</param>
    /// <param name="columns">[M, D], in the rows' type or, without a gradient, in bfloat16.</param>
    /// <param name="temperature">Divides every product.</param>
    /// <param name="excluded">
    /// Columns left out of each row, [N, E] int64, or null. Where rows and columns are the same tensor it must be mutual: i
    /// is left out for j where j is for i.
    /// </param>
    /// <param name="tileSide">Height and width of a tile, for tests; 0 for what fits the device.</param>
    /// <returns>[N].</returns>
    public static Tensor Of(Tensor rows, Tensor columns, double temperature, Tensor? excluded = null, int tileSide = 0)
    {
        var one = ReferenceEquals(rows, columns);
        var job = new Job(temperature, tileSide, one);
        return is_grad_enabled() && (rows.requires_grad || columns.requires_grad)
            ? Node.apply(rows, one ? null! : columns, excluded!, job)
            : job.Forward(rows, columns, excluded, kept: null);
    }

    /// <summary>Whether all tiles may be kept for the way back: then they need not be made again.</summary>
    private static bool Fit(Tensor rows, Tensor columns) =>
        rows.shape[0] * columns.shape[0] * rows.ElementSize <= KeptBytes;

    /// <summary>One computation, and the way back through it.</summary>
    private sealed class Job(double temperature, int tileSide, bool one)
    {
        private bool _small;

        public Tensor Forward(Tensor rows, Tensor columns, Tensor? excluded, List<Tensor>? kept)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var tiles = new SimilarityTiles(rows, one ? rows : columns, temperature, excluded, tileSide, keeps: kept is not null);
            _small = rows.device_type == DeviceType.CPU && tiles.AreSmall();
            return (_small ? Sums(tiles, rows, kept) : RunningSums(tiles, rows)).to(rows.dtype).MoveToOuterDisposeScope();
        }

        /// <summary>The gradients of rows and columns; of what needs none, null.</summary>
        public (Tensor Rows, Tensor? Columns) Backward(
            Tensor rows, Tensor columns, Tensor? excluded, Tensor result, Tensor gradient, bool both, IReadOnlyList<Tensor> kept)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var tiles = new SimilarityTiles(rows, one ? rows : columns, temperature, excluded, tileSide);
            var rowGradient = zeros_like(rows);
            var columnGradient = one ? rowGradient : both ? zeros_like(columns) : null;
            if (_small && one)
            {
                Mutual(tiles, rowGradient, result, gradient, kept);
            }
            else
            {
                Directed(tiles, rowGradient, columnGradient, result, gradient, kept);
            }

            rowGradient.div_(temperature);
            if (!one)
            {
                columnGradient?.div_(temperature);
            }

            return (rowGradient.MoveToOuterDisposeScope(), one ? null : columnGradient?.MoveToOuterDisposeScope());
        }

        /// <summary>Sums of exponentials as they are; where rows are columns, each tile counts for both.</summary>
        private Tensor Sums(SimilarityTiles tiles, Tensor rows, List<Tensor>? kept)
        {
            var sums = zeros(tiles.Rows, float64, rows.device);
            foreach (var tile in Tiles(tiles, half: one))
            {
                using var scope = NewDisposeScope();
                var powers = Powers(tiles, tile);
                kept?.Add(powers.MoveToOuterDisposeScope().MoveToOuterDisposeScope()); // the graph takes hold of them later
                sums.narrow(0, tile.Row, tile.Rows).add_(powers.sum([1]));
                if (one && tile.Column != tile.Row)
                {
                    sums.narrow(0, tile.Column, tile.Columns).add_(powers.sum([0]));
                }
            }

            return sums.log_();
        }

        /// <summary>Sums relative to the largest logit of each row so far.</summary>
        private static Tensor RunningSums(SimilarityTiles tiles, Tensor rows)
        {
            // Finite, as the difference of two infinities is not a number.
            var largest = full([tiles.Rows], rows.dtype == ScalarType.Float64 ? double.MinValue / 4 : float.MinValue / 4, rows.dtype, rows.device);
            var sums = zeros(tiles.Rows, float64, rows.device);
            foreach (var tile in Tiles(tiles, half: false))
            {
                using var scope = NewDisposeScope();
                var logits = tiles.Logits(tile.Row, tile.Rows, tile.Column, tile.Columns);
                tiles.Exclude(tile.Row, tile.Rows, tile.Column, tile.Columns, double.NegativeInfinity);
                var (before, sum) = (largest.narrow(0, tile.Row, tile.Rows), sums.narrow(0, tile.Row, tile.Rows));
                var now = maximum(before, logits.amax([1]));
                sum.mul_((before - now).exp_()).add_(logits.sub_(now.unsqueeze(1)).exp_().sum([1]));
                before.copy_(now);
            }

            return sums.log_().add_(largest);
        }

        /// <summary>Where rows are columns: the weight of a pair is the same seen from either side.</summary>
        private static void Mutual(
            SimilarityTiles tiles, Tensor gradients, Tensor result, Tensor gradient, IReadOnlyList<Tensor> kept)
        {
            var weights = gradient * (-result).exp_();
            foreach (var (number, tile) in Tiles(tiles, half: true).Index())
            {
                using var scope = NewDisposeScope();
                var powers = kept.Count > 0 ? kept[number].clone() : Powers(tiles, tile);
                var (ofRows, ofColumns) = (weights.narrow(0, tile.Row, tile.Rows), weights.narrow(0, tile.Column, tile.Columns));
                powers.mul_(ofRows.unsqueeze(1) + ofColumns.unsqueeze(0));
                Add(gradients, tile.Row, powers, tiles.RowsOf(tile.Column, tile.Columns));
                if (tile.Column != tile.Row)
                {
                    Add(gradients, tile.Column, powers.t(), tiles.RowsOf(tile.Row, tile.Rows));
                }
            }
        }

        private void Directed(
            SimilarityTiles tiles, Tensor rowGradient, Tensor? columnGradient, Tensor result, Tensor gradient,
            IReadOnlyList<Tensor> kept)
        {
            // exp(logit - result) in two factors where each is in range, else in one.
            var weights = _small ? gradient * (-result).exp_() : gradient;
            foreach (var (number, tile) in Tiles(tiles, half: false).Index())
            {
                using var scope = NewDisposeScope();
                var powers = kept.Count > 0 ? kept[number].clone() : Powers(tiles, tile, _small ? null : result);
                var weight = weights.narrow(0, tile.Row, tile.Rows).unsqueeze(1);
                var columns = tiles.ColumnsOf(tile.Column, tile.Columns);
                powers.mul_(weight);
                Add(rowGradient, tile.Row, powers, columns);
                if (columnGradient is not null)
                {
                    Add(columnGradient, tile.Column, powers.t(), tiles.RowsOf(tile.Row, tile.Rows));
                }
            }
        }

        private static Tensor Powers(SimilarityTiles tiles, Tile tile, Tensor? result = null)
        {
            var logits = tiles.Logits(tile.Row, tile.Rows, tile.Column, tile.Columns);
            if (result is not null)
            {
                logits.sub_(result.narrow(0, tile.Row, tile.Rows).unsqueeze(1));
            }

            logits.exp_();
            tiles.Exclude(tile.Row, tile.Rows, tile.Column, tile.Columns, 0);
            return logits;
        }

        private static void Add(Tensor gradients, long first, Tensor weights, Tensor vectors) =>
            gradients.narrow(0, first, weights.shape[0]).addmm_(weights, vectors, beta: 1, alpha: 1);

        /// <summary>All tiles, or those on and above the diagonal.</summary>
        private static IEnumerable<Tile> Tiles(SimilarityTiles tiles, bool half)
        {
            // Tiles across the diagonal are each other's mirror images only if they are square.
            var (height, width) = half ? (Math.Min(tiles.Height, tiles.Width), Math.Min(tiles.Height, tiles.Width)) : (tiles.Height, tiles.Width);
            for (long row = 0; row < tiles.Rows; row += height)
            {
                for (var column = half ? row : 0; column < tiles.Columns; column += width)
                {
                    yield return new Tile(row, Math.Min(height, tiles.Rows - row), column, Math.Min(width, tiles.Columns - column));
                }
            }
        }
    }

    private readonly record struct Tile(long Row, long Rows, long Column, long Columns);

    /// <summary>The computation as a node of the graph: (rows, columns or null, excluded or null, job).</summary>
    private sealed class Node : autograd.SingleTensorFunction<Node>
    {
        private const string Computation = nameof(Computation);
        private const string Columns = nameof(Columns);
        private const string Excluded = nameof(Excluded);

        public override string Name => nameof(SimilarityLogSumExp);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (rows, columns, excluded, job) = ((Tensor)vars[0], (Tensor?)vars[1], (Tensor?)vars[2], (Job)vars[3]);
            var kept = Fit(rows, columns ?? rows) ? new List<Tensor>() : null;
            var result = job.Forward(rows, columns ?? rows, excluded, kept);
            ctx.save_for_backward([rows, result, columns ?? rows, excluded ?? rows, .. kept ?? []]);
            ctx.save_data(Computation, job);
            ctx.save_data(Excluded, excluded is not null);
            ctx.save_data(Columns, columns is { requires_grad: true });
            return result;
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => GuardedBackward.Node(4, () =>
        {
            var saved = ctx.get_saved_variables();
            var job = (Job)ctx.get_data(Computation);
            var (rows, columns) = job.Backward(
                saved[0],
                saved[2],
                (bool)ctx.get_data(Excluded) ? saved[3] : null,
                saved[1],
                grad_output,
                (bool)ctx.get_data(Columns),
                saved[4..]);
            return [rows, columns, null, null];
        });
    }
}

using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// Euclidean distances of all rows from all rows. By products, |x|^2 + |y|^2 - 2 x.y, which is fast but loses digits where rows
/// are near each other; so the products are of float64 and of rows less their mean, and pairs that are much nearer than their distance
/// from the mean, a row and itself among them, are computed from differences. So a distance has all digits of its type, 0 is 0, and
/// nothing larger than the result is held: float64 exists in tiles only. The gradient is made in the same way, and is 0 at distance 0.
/// </summary>
internal static class EuclideanMatrix
{
    private const long TileElements = 1 << 20;

    /// <summary>The distances.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[M, D]; may be the same tensor.</param>
    /// <param name="squared">Whether they are squared.</param>
    /// <returns>[N, M]. The gradient cannot be differentiated again.</returns>
    public static Tensor Of(Tensor x, Tensor y, bool squared) => Function.apply(x, y, squared, x.requires_grad, y.requires_grad);

    private static Tensor Forward(Tensor x, Tensor y, bool squared)
    {
        using var scope = NewDisposeScope();
        var result = zeros([x.shape[0], y.shape[0]], dtype: x.dtype, device: x.device);
        var tiles = new Tiles(x, y);
        tiles.ForEach((rows, limits) =>
        {
            var tile = tiles.Squares(rows);
            foreach (var (places, differences) in tiles.Near(tile, limits, rows))
            {
                tile.view(-1).index_copy_(0, places.Flat, differences.square().sum(dim: 1));
            }

            tile.clamp_min_(0);
            rows.Of(result).copy_(squared ? tile : tile.sqrt());
        });
        return result.MoveToOuterDisposeScope();
    }

    private static Tensor?[] Backward(Tensor x, Tensor y, Tensor distances, Tensor gradient, (bool Squared, bool X, bool Y) wanted)
    {
        var tiles = new Tiles(x, y);
        var (ofX, ofY) = (zeros_like(tiles.X), zeros_like(tiles.Y));
        tiles.ForEach((rows, limits) =>
        {
            // Of a squared distance the gradient is 2 (x - y), of a distance (x - y) / distance.
            var (tile, weights) = (rows.Of(distances).to(float64), rows.Of(gradient).to(float64));
            weights = wanted.Squared ? weights * 2 : where(tile > 0, weights / tile, 0.0);
            foreach (var (places, differences) in tiles.Near(wanted.Squared ? tile : tile.square(), limits, rows))
            {
                var near = weights.view(-1).index_select(0, places.Flat).unsqueeze(1) * differences;
                ofX.index_add_(0, places.Row, near, 1);
                ofY.index_add_(0, places.Column, near, -1);
                weights.view(-1).index_fill_(0, places.Flat, 0);
            }

            var x = rows.Of(tiles.X);
            if (wanted.X)
            {
                rows.Of(ofX).add_((weights.sum(dim: 1, keepdim: true) * x) - weights.matmul(tiles.Y));
            }

            if (wanted.Y)
            {
                ofY.add_((weights.sum(dim: 0).unsqueeze(1) * tiles.Y) - weights.t().matmul(x));
            }
        });
        return [wanted.X ? ofX.to(x.dtype) : null, wanted.Y ? ofY.to(y.dtype) : null];
    }

    /// <summary>Rows of x against all of y, a few at a time, in float64.</summary>
    private sealed class Tiles
    {
        private readonly Tensor _squaresX; // [N, 1]
        private readonly Tensor _squaresY; // [M]
        private readonly double _nearest; // pairs nearer than this share of their squared lengths have too few digits left

        public Tiles(Tensor x, Tensor y)
        {
            // Of float32 fewer digits are wanted, and rows that differ at all are seldom nearer than this.
            _nearest = x.dtype == ScalarType.Float64 ? 1e-6 : 1e-9;
            var mean = y.to(float64).mean([0], keepdim: true);
            (X, Y) = (x.to(float64) - mean, y.to(float64) - mean);
            (_squaresX, _squaresY) = (X.square().sum(dim: 1, keepdim: true), Y.square().sum(dim: 1));
        }

        public Tensor X { get; }

        public Tensor Y { get; }

        /// <summary>Calls with every block of rows and, [rows, M], the squared distances that are near in it.</summary>
        public void ForEach(Action<RowBlock, Tensor> compute)
        {
            var (rows, columns) = (X.shape[0], Y.shape[0]);
            if (columns == 0)
            {
                return;
            }

            var height = Math.Max(1, TileElements / columns);
            for (var start = 0L; start < rows; start += height)
            {
                using var scope = NewDisposeScope();
                var block = new RowBlock(start, Math.Min(height, rows - start));
                compute(block, (block.Of(_squaresX) + _squaresY) * _nearest);
            }
        }

        /// <summary>Squared distances by products, [rows, M].</summary>
        public Tensor Squares(RowBlock rows) => (rows.Of(_squaresX) + _squaresY).addmm(rows.Of(X), Y.t(), 1, -2);

        /// <summary>The pairs that are near, some at a time, and x - y of each, [pairs, D].</summary>
        public IEnumerable<(Places Places, Tensor Differences)> Near(Tensor squares, Tensor limits, RowBlock rows)
        {
            var (columns, width) = (Y.shape[0], Math.Max(1, X.shape[1]));
            var near = squares.le(limits).nonzero(); // [pairs, 2]
            var height = Math.Max(1, TileElements / width);
            for (var start = 0L; start < near.shape[0]; start += height)
            {
                using var scope = NewDisposeScope();
                var part = near.narrow(0, start, Math.Min(height, near.shape[0] - start));
                var (inTile, column) = (part.select(1, 0), part.select(1, 1));
                var places = new Places(inTile + rows.Start, column, (inTile * columns) + column);
                yield return (places, X.index_select(0, places.Row) - Y.index_select(0, column));
            }
        }
    }

    /// <summary>Neighbouring rows.</summary>
    private readonly record struct RowBlock(long Start, long Length)
    {
        public Tensor Of(Tensor tensor) => tensor.narrow(0, Start, Length);
    }

    /// <summary>Pairs: their rows, their columns, and where they stand in the tile as it lies in memory; int64 [pairs].</summary>
    private readonly record struct Places(Tensor Row, Tensor Column, Tensor Flat);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(EuclideanMatrix);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            using var _ = no_grad();
            var (x, y, squared) = ((Tensor)arguments[0], (Tensor)arguments[1], (bool)arguments[2]);
            var result = Forward(x, y, squared);
            context.save_for_backward([x, y, result]);
            context.set_materialize_grads(false);
            context.save_data("wanted", (squared, (bool)arguments[3], (bool)arguments[4]));
            return result;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(5, gradient, () =>
        {
            var saved = context.get_saved_variables();
            return Backward(saved[0], saved[1], saved[2], gradient, ((bool, bool, bool))context.get_data("wanted"));
        });
    }
}

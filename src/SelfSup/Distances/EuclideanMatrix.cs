using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// Euclidean distances of all rows from all rows. By products, |x|^2 + |y|^2 - 2 x.y, which is fast but loses digits where rows
/// are near each other; so the products are of float64 and of rows less their mean, and pairs that are much nearer than their distance
/// from the mean, a row and itself among them, are computed from differences. So a distance has all digits of its type and 0 is 0.
/// Beside the result both sides are held in float64, once where they are the same tensor, and a tile of distances and of differences,
/// never [N, M] of float64. The gradient is made in the same way, with those of the sides that learn in float64 too, and is 0 at
/// distance 0.
/// </summary>
internal static class EuclideanMatrix
{
    private const long TileElements = 1 << 20;

    /// <summary>The distances.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[M, D]; may be the same tensor.</param>
    /// <param name="squared">Whether they are squared.</param>
    /// <returns>[N, M]. The gradient cannot be differentiated again.</returns>
    public static Tensor Of(Tensor x, Tensor y, bool squared) =>
        Function.apply(x, y, new Settings(squared, x.requires_grad, y.requires_grad, ReferenceEquals(x, y)));

    private static Tensor Forward(Tensor x, Tensor y, Settings settings)
    {
        using var scope = NewDisposeScope();
        var result = zeros([x.shape[0], y.shape[0]], dtype: x.dtype, device: x.device);
        var tiles = new Tiles(x, y, settings.IsSame);
        tiles.ForEach((rows, limits) =>
        {
            var tile = tiles.Squares(rows);
            foreach (var (places, differences) in tiles.Near(tile, limits, rows))
            {
                tile.view(-1).index_copy_(0, places.Flat, differences.square().sum(dim: 1));
            }

            tile.clamp_min_(0);
            rows.Of(result).copy_(settings.Squared ? tile : tile.sqrt());
        });
        return result.MoveToOuterDisposeScope();
    }

    private static Tensor?[] Backward(Tensor x, Tensor y, Tensor distances, Tensor gradient, Settings settings)
    {
        var tiles = new Tiles(x, y, settings.IsSame);
        gradient = gradient.contiguous(); // weights are addressed as they lie in memory
        var ofX = settings.X ? zeros_like(tiles.X) : null;
        var ofY = !settings.Y ? null : settings.IsSame ? ofX : zeros_like(tiles.Y); // one for both sides of one tensor
        tiles.ForEach((rows, limits) =>
        {
            // Of a squared distance the gradient is 2 (x - y), of a distance (x - y) / distance.
            var (tile, weights) = (rows.Of(distances).to(float64), rows.Of(gradient).to(float64));
            weights = settings.Squared ? weights * 2 : where(tile > 0, weights / tile, 0.0);
            foreach (var (places, differences) in tiles.Near(settings.Squared ? tile : tile.square(), limits, rows))
            {
                var near = weights.view(-1).index_select(0, places.Flat).unsqueeze(1) * differences;
                ofX?.index_add_(0, places.Row, near, 1);
                ofY?.index_add_(0, places.Column, near, -1);
                weights.view(-1).index_fill_(0, places.Flat, 0);
            }

            var x = rows.Of(tiles.X);
            if (ofX is not null)
            {
                rows.Of(ofX).add_((weights.sum(dim: 1, keepdim: true) * x) - weights.matmul(tiles.Y));
            }

            if (ofY is not null)
            {
                ofY.add_((weights.sum(dim: 0).unsqueeze(1) * tiles.Y) - weights.t().matmul(x));
            }
        });
        return [ofX?.to(x.dtype), settings.IsSame ? null : ofY?.to(y.dtype)];
    }

    /// <summary>Rows of x against all of y, a few at a time, in float64.</summary>
    private sealed class Tiles
    {
        private readonly Tensor _squaresX; // [N, 1]
        private readonly Tensor _squaresY; // [M]
        private readonly double _nearest; // pairs nearer than this share of their squared lengths have too few digits left

        public Tiles(Tensor x, Tensor y, bool isSame)
        {
            // Of float32 fewer digits are wanted, and rows that differ at all are seldom nearer than this.
            _nearest = x.dtype == ScalarType.Float64 ? 1e-6 : 1e-9;
            using var scope = NewDisposeScope();
            var mean = y.mean([0], keepdim: true, type: float64);
            Y = Less(y, mean).MoveToOuterDisposeScope();
            X = isSame ? Y : Less(x, mean).MoveToOuterDisposeScope();
            _squaresY = Y.square().sum(dim: 1).MoveToOuterDisposeScope();
            _squaresX = (isSame ? _squaresY : X.square().sum(dim: 1)).unsqueeze(1).MoveToOuterDisposeScope();
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

        private static Tensor Less(Tensor rows, Tensor mean)
        {
            using var scope = NewDisposeScope(); // the copy of another type ends here
            return (rows.to(float64) - mean).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Neighbouring rows.</summary>
    private readonly record struct RowBlock(long Start, long Length)
    {
        public Tensor Of(Tensor tensor) => tensor.narrow(0, Start, Length);
    }

    /// <summary>Pairs: their rows, their columns, and where they stand in the tile as it lies in memory; int64 [pairs].</summary>
    private readonly record struct Places(Tensor Row, Tensor Column, Tensor Flat);

    /// <summary>What is computed.</summary>
    /// <param name="Squared">Whether distances are squared.</param>
    /// <param name="X">Whether x learns.</param>
    /// <param name="Y">Whether y learns.</param>
    /// <param name="IsSame">Whether both are one tensor.</param>
    private sealed record Settings(bool Squared, bool X, bool Y, bool IsSame);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(EuclideanMatrix);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            using var _ = no_grad();
            var (x, y, settings) = ((Tensor)arguments[0], (Tensor)arguments[1], (Settings)arguments[2]);
            var result = Forward(x, y, settings);
            context.save_for_backward([x, y, result]);
            context.set_materialize_grads(false);
            context.save_data("settings", settings);
            return result;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(3, gradient, () =>
        {
            var saved = context.get_saved_variables();
            return Backward(saved[0], saved[1], saved[2], gradient, (Settings)context.get_data("settings"));
        });
    }
}

using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// log sum_j exp(rows_i . columns_j / temperature) for every row i, the denominator of every loss that compares one
/// embedding with many. The matrix of similarities is never held: it is made tile by tile, once forward and once more
/// backward, so memory grows with rows + columns and not with their product. The gradient cannot be differentiated again.
/// </summary>
internal static class SimilarityLogSumExp
{
    /// <summary>The logarithm of the sum over all columns that are not excluded.</summary>
    /// <param name="rows">[N, D], float32 or float64. Of any length, but unit length is fastest.</param>
    /// <param name="columns">
    /// [K, D]. Where it is the same object as <paramref name="rows"/>, half the similarities are enough. Constants may be of
    /// another element type, such as bfloat16: a tile is converted at a time.
    /// </param>
    /// <param name="temperature">Divides every similarity.</param>
    /// <param name="excluded">Pairs that do not count.</param>
    /// <param name="size">For tests, which want all threads to take part; where it is null, both are chosen.</param>
    /// <returns>[N]; minus infinity, with a gradient of 0, for a row of which everything is excluded.</returns>
    public static Tensor Of(
        Tensor rows, Tensor columns, double temperature, IReadOnlyList<ExcludedPairs> excluded, TileSize? size = null)
    {
        Check(rows, columns, temperature);
        var threads = size is null ? Threads(rows, columns) : get_num_threads();
        if (ReferenceEquals(rows, columns) && excluded.All(e => excluded.Contains(e.Mirrored)) && MirroredTiles.CanHold(rows, temperature))
        {
            var square = size is { } given ? given with { Columns = given.Rows } : TileSize.Square(rows, threads);
            return MirroredFunction.apply(rows, new SimilaritySettings(temperature, excluded, square, threads));
        }

        var settings = new SimilaritySettings(temperature, excluded, size ?? TileSize.Rectangle(rows, threads), threads);
        return RectangularFunction.apply(rows, columns, settings);
    }

    // Starting a thread costs as much as so many multiplications.
    private static int Threads(Tensor rows, Tensor columns)
    {
        const long WorthAThread = 1 << 26;
        return rows.device_type == DeviceType.CPU
            ? (int)Math.Clamp(rows.shape[0] * columns.shape[0] * rows.shape[1] / WorthAThread, 1, get_num_threads())
            : 1;
    }

    private static void Check(Tensor rows, Tensor columns, double temperature)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        if (rows.dim() != 2 || columns.dim() != 2 || rows.shape[1] != columns.shape[1] || rows.shape[0] == 0 || columns.shape[0] == 0)
        {
            throw new ArgumentException(
                $"rows and columns: are [{string.Join(", ", rows.shape)}] and [{string.Join(", ", columns.shape)}], must be "
                + "[N, D] and [K, D], neither empty",
                nameof(columns));
        }

        if (rows.dtype is not (ScalarType.Float32 or ScalarType.Float64))
        {
            throw new ArgumentException(
                $"rows: is {rows.dtype}, must be float32 or float64; a sum over many similarities needs its digits", nameof(rows));
        }

        if (columns.dtype != rows.dtype && columns.requires_grad)
        {
            throw new ArgumentException(
                $"columns: is {columns.dtype} and learned, must be {rows.dtype} like rows, or a constant", nameof(columns));
        }
    }

    // What the two ways of going through the tiles have to offer, as functions of libtorch's autograd.
    private sealed class MirroredFunction : autograd.SingleTensorFunction<MirroredFunction>
    {
        public override string Name => nameof(MirroredTiles);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            var (rows, settings) = ((Tensor)arguments[0], (SimilaritySettings)arguments[1]);
            var result = Float32Products.Suit(rows)
                ? MirroredFloat32.LogSumExp(rows, settings)
                : MirroredTiles.LogSumExp(rows, settings);
            context.save_for_backward([rows, result]);
            context.set_materialize_grads(false);
            context.save_data(nameof(settings), settings);
            return result;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(2, gradient, () =>
        {
            var (saved, settings) = (context.get_saved_variables(), (SimilaritySettings)context.get_data("settings"));
            return [(Float32Products.Suit(saved[0])
                ? MirroredFloat32.Gradient(saved[0], saved[1], gradient, settings)
                : MirroredTiles.Gradient(saved[0], saved[1], gradient, settings))];
        });
    }

    private sealed class RectangularFunction : autograd.SingleTensorFunction<RectangularFunction>
    {
        public override string Name => nameof(RectangularTiles);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            var (rows, columns, settings) = ((Tensor)arguments[0], (Tensor)arguments[1], (SimilaritySettings)arguments[2]);
            var result = Float32Products.Suit(rows)
                ? RectangularFloat32.LogSumExp(rows, columns, settings)
                : RectangularTiles.LogSumExp(rows, columns, settings);
            context.save_for_backward([rows, columns, result]);
            context.set_materialize_grads(false);
            context.save_data(nameof(settings), settings);
            return result;
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(3, gradient, () =>
        {
            var (saved, settings) = (context.get_saved_variables(), (SimilaritySettings)context.get_data("settings"));
            var (rows, columns) = Float32Products.Suit(saved[0])
                ? RectangularFloat32.Gradients(saved[0], saved[1], saved[2], gradient, settings)
                : RectangularTiles.Gradients(saved[0], saved[1], saved[2], gradient, settings);
            return [rows, columns];
        });
    }
}

/// <summary>Everything about a matrix of similarities but the embeddings.</summary>
/// <param name="Temperature">Divides every similarity.</param>
/// <param name="Excluded">Pairs that do not count.</param>
/// <param name="Size">The largest tile.</param>
/// <param name="Threads">How many threads share the tiles.</param>
internal sealed record SimilaritySettings(
    double Temperature, IReadOnlyList<ExcludedPairs> Excluded, TileSize Size, int Threads)
{
    /// <summary>Makes a tile of logits in memory that is there already.</summary>
    /// <param name="tile">The memory, at least as large as the tile.</param>
    /// <param name="scaled">Rows divided by the temperature, [rows.Length, D].</param>
    /// <param name="columns">[columns.Length, D].</param>
    /// <param name="rowBlock">Which rows these are.</param>
    /// <param name="columnBlock">Which columns.</param>
    public Tensor Logits(Tensor tile, Tensor scaled, Tensor columns, Block rowBlock, Block columnBlock)
    {
        var logits = tile.narrow(0, 0, rowBlock.Length * columnBlock.Length).view(rowBlock.Length, columnBlock.Length);
        logits.addmm_(scaled, columns.t(), beta: 0, alpha: 1);
        foreach (var pairs in Excluded)
        {
            pairs.Erase(logits, rowBlock, columnBlock);
        }

        return logits;
    }
}

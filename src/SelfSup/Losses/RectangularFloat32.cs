using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// <see cref="RectangularTiles"/> in 512-bit vectors. Tiles lie on their side here, [columns, rows]: then a memory bank is
/// read as it is, and what has to be rearranged is the few rows.
/// </summary>
internal static unsafe class RectangularFloat32
{
    /// <summary>[N] from [N, D] and [K, D].</summary>
    public static Tensor LogSumExp(Tensor rows, Tensor columns, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var matrix = new Matrix(rows, columns, settings, columnsLearn: false);
        // Below every logit but minus infinity, so that no difference is undefined.
        var maxima = full([matrix.Plan.Parts, matrix.PaddedRows], float.MinValue, dtype: float32);
        var sums = zeros([matrix.Plan.Parts, matrix.PaddedRows], dtype: float64);
        var maximum = TensorMemory.Address<float>(maxima);
        var sum = TensorMemory.Address<double>(sums);
        matrix.Plan.Run(() =>
        {
            var memory = matrix.NewMemory();
            return at =>
            {
                var (height, width) = matrix.Logits(memory, at);
                var first = (matrix.Plan.Part(at) * matrix.PaddedRows) + matrix.Plan.Rows[at.Row].Start;
                Float32Exponentials.SumBelowMaximum(memory.Tile, height, width, maximum + first, sum + first, memory.Row);
            };
        });
        var whole = maxima.amax([0L]);
        var result = (sums * (maxima - whole).exp()).sum(dim: 0).log_() + whole;
        return result.narrow(0, 0, rows.shape[0]).to(float32).MoveToOuterDisposeScope();
    }

    /// <summary>[N, D] and [K, D], each null where nothing is learned.</summary>
    public static (Tensor? Rows, Tensor? Columns) Gradients(
        Tensor rows, Tensor columns, Tensor logSumExp, Tensor gradient, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var matrix = new Matrix(rows, columns, settings, columns.requires_grad);
        var (plan, width, height) = (matrix.Plan, matrix.Width, matrix.PaddedRows);
        var shifts = zeros(height, dtype: float32);
        shifts.narrow(0, 0, rows.shape[0]).copy_(where(logSumExp.isneginf(), zeros_like(logSumExp), logSumExp));
        var weighted = columns.requires_grad
            ? Float32Products.Padded(rows * (gradient / settings.Temperature).unsqueeze(1), Float32Products.Columns)
            : null;
        var ofRows = rows.requires_grad ? zeros([plan.Parts, height, width], dtype: float32) : null;
        var ofColumns = columns.requires_grad
            ? zeros([Block.RoundUp(columns.shape[0], Float32Products.Rows), width], dtype: float32)
            : null;
        var shift = TensorMemory.Address<float>(shifts);
        plan.Run(() =>
        {
            var memory = matrix.NewMemory();
            return at =>
            {
                var (row, column) = (plan.Rows[at.Row], plan.Columns[at.Column]);
                var (tileHeight, tileWidth) = matrix.Logits(memory, at);
                Float32Exponentials.Above(memory.Tile, tileHeight, tileWidth, shift + row.Start);
                if (ofRows is not null)
                {
                    var sum = TensorMemory.Address<float>(ofRows) + (((plan.Part(at) * height) + row.Start) * width);
                    Float32Products.AddTransposed(memory.Tile, tileWidth, memory.Columns, sum, tileWidth, column.Length, width);
                }

                if (ofColumns is not null)
                {
                    var sum = TensorMemory.Address<float>(ofColumns) + (column.Start * width);
                    var values = TensorMemory.Address<float>(weighted!) + (row.Start * width);
                    Float32Products.Add(memory.Tile, tileWidth, values, sum, tileHeight, tileWidth, width);
                }
            };
        });
        return (
            ofRows?.sum(dim: 0).narrow(0, 0, rows.shape[0]).mul_((gradient / settings.Temperature).unsqueeze(1)).MoveToOuterDisposeScope(),
            ofColumns?.narrow(0, 0, columns.shape[0]).MoveToOuterDisposeScope());
    }

    /// <summary>What a thread has for itself.</summary>
    private sealed class Memory
    {
        public required float* Tile { get; init; }

        /// <summary>As many numbers as a tile has rows.</summary>
        public required float* Row { get; init; }

        /// <summary>For columns that cannot be read where they are.</summary>
        public required Tensor Copy { get; init; }

        /// <summary>The columns of the tile, [column.Length or more, D].</summary>
        public float* Columns { get; set; }
    }

    private sealed class Matrix
    {
        private readonly SimilaritySettings _settings;
        private readonly Tensor _columns;
        private readonly Tensor _transposed; // rows divided by the temperature
        private readonly bool _copies;

        public Matrix(Tensor rows, Tensor columns, SimilaritySettings settings, bool columnsLearn)
        {
            (_settings, _columns, Width) = (settings, columns, rows.shape[1]);
            _copies = columns.dtype != ScalarType.Float32 || !columns.is_contiguous();
            using var padded = Float32Products.Padded(rows, Float32Products.Columns);
            PaddedRows = padded.shape[0];
            _transposed = Float32Products.Transposed(padded).div_(settings.Temperature);
            Plan = new RectangularPlan(
                padded, columns, settings, columnsLearn, (Float32Products.Columns, Float32Products.Rows));
        }

        public RectangularPlan Plan { get; }

        public long PaddedRows { get; }

        public long Width { get; }

        public Memory NewMemory() => new()
        {
            Tile = TensorMemory.Address<float>(empty(Plan.LongestRows * Plan.LongestColumns, dtype: float32)),
            Row = TensorMemory.Address<float>(empty(Plan.LongestRows, dtype: float32)),
            Copy = empty([Plan.LongestColumns, Width], dtype: float32),
        };

        public (long Height, long Width) Logits(Memory memory, Tile at)
        {
            var (row, column) = (Plan.Rows[at.Row], Plan.Columns[at.Column]);
            var height = Block.RoundUp(column.Length, Float32Products.Rows);
            if (_copies || height > column.Length)
            {
                memory.Copy.narrow(0, 0, column.Length).copy_(column.Of(_columns));
                memory.Copy.narrow(0, column.Length, height - column.Length).zero_();
                memory.Columns = TensorMemory.Address<float>(memory.Copy);
            }
            else
            {
                memory.Columns = TensorMemory.Address<float>(column.Of(_columns));
            }

            var right = TensorMemory.Address<float>(_transposed) + (row.Start * Width);
            Float32Products.Logits(memory.Columns, right, memory.Tile, height, row.Length, Width);
            foreach (var pairs in _settings.Excluded)
            {
                var here = pairs.Within(row, column);
                for (var k = 0L; k < here.Length; k++)
                {
                    memory.Tile[((here.Column + k) * row.Length) + here.Row + k] = float.NegativeInfinity;
                }
            }

            var padding = (height - column.Length) * row.Length;
            new Span<float>(memory.Tile + (column.Length * row.Length), (int)padding).Fill(float.NegativeInfinity);
            return (height, row.Length);
        }
    }
}

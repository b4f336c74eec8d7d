using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary><see cref="MirroredTiles"/> in 512-bit vectors.</summary>
internal static unsafe class MirroredFloat32
{
    /// <summary>[N] from [N, D].</summary>
    public static Tensor LogSumExp(Tensor rows, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var matrix = new Matrix(rows, settings);
        var sums = zeros(matrix.PaddedRows, dtype: float64);
        var sum = TensorMemory.Address<double>(sums);
        TileRun.Run(matrix.Tiles, matrix.Blocks.Length, settings.Threads, () =>
        {
            var tile = matrix.Memory(matrix.LongestBlock);
            var columns = matrix.Memory(1);
            return at =>
            {
                var (row, column) = (matrix.Blocks[at.Row], matrix.Blocks[at.Column]);
                var (height, width) = matrix.Logits(tile, row, column);
                var mirror = at.Row == at.Column ? null : sum + column.Start;
                Float32Exponentials.Sum(tile, height, width, sum + row.Start, mirror, columns);
            };
        });
        return sums.narrow(0, 0, rows.shape[0]).log().to(float32).MoveToOuterDisposeScope();
    }

    /// <summary>[N, D].</summary>
    public static Tensor Gradient(Tensor rows, Tensor logSumExp, Tensor gradient, SimilaritySettings settings)
    {
        using var scope = NewDisposeScope();
        var matrix = new Matrix(rows, settings);
        var weights = zeros(matrix.PaddedRows, dtype: float32);
        weights.narrow(0, 0, rows.shape[0]).copy_(MirroredTiles.Weights(logSumExp, gradient));
        var result = zeros([matrix.PaddedRows, matrix.Width], dtype: float32);
        var weight = TensorMemory.Address<float>(weights);
        var sum = TensorMemory.Address<float>(result);
        TileRun.Run(matrix.Tiles, matrix.Blocks.Length, settings.Threads, () =>
        {
            var tile = matrix.Memory(matrix.LongestBlock);
            return at =>
            {
                var (row, column) = (matrix.Blocks[at.Row], matrix.Blocks[at.Column]);
                var (height, width) = matrix.Logits(tile, row, column);
                Float32Exponentials.Weigh(tile, height, width, weight + row.Start, weight + column.Start);
                Float32Products.Add(
                    tile, width, matrix.Row(column), sum + (row.Start * matrix.Width), height, width, matrix.Width);
                if (at.Row != at.Column)
                {
                    Float32Products.AddTransposed(
                        tile, width, matrix.Row(row), sum + (column.Start * matrix.Width), width, height, matrix.Width);
                }
            };
        });
        return result.narrow(0, 0, rows.shape[0]).div_(settings.Temperature).MoveToOuterDisposeScope();
    }

    /// <summary>The embeddings with rows of zeros up to a multiple of 32, and how their matrix is divided.</summary>
    private sealed class Matrix
    {
        private readonly SimilaritySettings _settings;
        private readonly Tensor _padded; // [PaddedRows, D]
        private readonly Tensor _transposed; // divided by the temperature
        private readonly long _rows;

        public Matrix(Tensor rows, SimilaritySettings settings)
        {
            (_settings, _rows) = (settings, rows.shape[0]);
            _padded = Float32Products.Padded(rows, Float32Products.Columns);
            _transposed = Float32Products.Transposed(_padded).div_(settings.Temperature);
            (PaddedRows, Width) = (_padded.shape[0], _padded.shape[1]);
            (Blocks, Tiles) = MirroredTiles.Divide(_padded, settings, Float32Products.Columns);
        }

        public long PaddedRows { get; }

        public long Width { get; }

        public Block[] Blocks { get; }

        public Tile[] Tiles { get; }

        public long LongestBlock => Blocks.Max(b => b.Length);

        public float* Row(Block block) => TensorMemory.Address<float>(_padded) + (block.Start * Width);

        /// <summary>Memory for so many rows of the longest block.</summary>
        public float* Memory(long rows) => TensorMemory.Address<float>(empty(rows * LongestBlock, dtype: float32));

        public (long Height, long Width) Logits(float* tile, Block row, Block column)
        {
            var right = TensorMemory.Address<float>(_transposed) + (column.Start * Width);
            Float32Products.Logits(Row(row), right, tile, row.Length, column.Length, Width);
            foreach (var pairs in _settings.Excluded)
            {
                var here = pairs.Within(row, column);
                for (var k = 0L; k < here.Length; k++)
                {
                    tile[((here.Row + k) * column.Length) + here.Column + k] = float.NegativeInfinity;
                }
            }

            ErasePadding(tile, row, column);
            return (row.Length, column.Length);
        }

        private void ErasePadding(float* tile, Block row, Block column)
        {
            for (var r = 0L; r < row.Length; r++)
            {
                var first = row.Start + r < _rows ? Math.Clamp(_rows - column.Start, 0, column.Length) : 0;
                if (first < column.Length)
                {
                    new Span<float>(tile + (r * column.Length) + first, (int)(column.Length - first)).Fill(float.NegativeInfinity);
                }
            }
        }
    }
}

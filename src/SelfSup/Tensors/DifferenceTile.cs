using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>Some rows against some others: differences of all pairs are never there together.</summary>
/// <param name="Row">The first row.</param>
/// <param name="Height">How many rows.</param>
/// <param name="Column">The first of the others.</param>
/// <param name="Width">How many of them.</param>
internal readonly record struct DifferenceTile(long Row, long Height, long Column, long Width)
{
    private const long Elements = 1 << 20;

    /// <summary>Calls with every tile and its differences x - y, [rows, columns, D]; what is made meanwhile is given up after each call.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[M, D].</param>
    /// <param name="compute">What to do.</param>
    public static void ForEach(Tensor x, Tensor y, Action<DifferenceTile, Tensor> compute)
    {
        var side = Math.Max(1, (long)Math.Sqrt(Elements / Math.Max(1, x.shape[1])));
        for (var row = 0L; row < x.shape[0]; row += side)
        {
            for (var column = 0L; column < y.shape[0]; column += side)
            {
                using var scope = NewDisposeScope();
                var tile = new DifferenceTile(row, Math.Min(side, x.shape[0] - row), column, Math.Min(side, y.shape[0] - column));
                compute(tile, tile.Rows(x).unsqueeze(1) - tile.Columns(y).unsqueeze(0));
            }
        }
    }

    /// <summary>Its rows of a tensor [N, ...].</summary>
    public Tensor Rows(Tensor x) => x.narrow(0, Row, Height);

    /// <summary>Its columns of a tensor [M, ...].</summary>
    public Tensor Columns(Tensor y) => y.narrow(0, Column, Width);

    /// <summary>Its part of a matrix [N, M].</summary>
    public Tensor Of(Tensor matrix) => matrix.narrow(0, Row, Height).narrow(1, Column, Width);
}

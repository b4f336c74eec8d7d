using SelfSup.Distances;
using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Search;

/// <summary>
/// What makes embeddings of different networks alike: their mean is taken away, and directions in which all images differ count
/// less. Features behind a ReLU are never negative, so that cosines of any two images are above 0.8 for many networks; and where a few
/// directions hold most of the variance, as in networks that have hardly been trained, they alone would decide. In products x C'^-1 y of
/// the covariance C' = (1 - s) C + s mean(diagonal) I, s a quarter: without s, directions that are noise would count as much as others.
/// </summary>
internal sealed class Whitening : IDisposable
{
    private const double Shrinkage = 0.25;
    private const int MostWidth = 8192; // the covariance has its square
    private const long RowsAtOnce = 1 << 12;

    private readonly Tensor _middle; // [D] float64
    private readonly Tensor? _factor; // [rank, D] float64; null where all embeddings are the same

    private Whitening(Tensor middle, Tensor? factor) => (_middle, _factor) = (middle, factor);

    /// <summary>Looks at all embeddings of a table, block by block.</summary>
    /// <param name="table">The embeddings.</param>
    /// <param name="blockRows">Rows in memory at once.</param>
    /// <param name="cancellationToken">Ends it between two parts of a block.</param>
    /// <exception cref="RecipeException">They are too wide.</exception>
    public static Whitening Of(EmbeddingTable table, long blockRows, CancellationToken cancellationToken)
    {
        if (table.Width > MostWidth)
        {
            throw new RecipeException(
                $"--similarity: embeddings of {table.Width:N0} numbers, at most {MostWidth:N0} can be whitened; compare them as they are by --similarity cosine");
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (sum, products) = (zeros(table.Width, dtype: float64), zeros(table.Width, table.Width, dtype: float64));
        foreach (var block in table.Blocks(blockRows))
        {
            using (block)
            {
                for (var first = 0L; first < block.Rows.shape[0]; first += RowsAtOnce)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    using var part = NewDisposeScope();
                    var wide = Part(block.Rows, first).to(float64);
                    sum.add_(wide.sum(dim: 0));
                    products.addmm_(wide.t(), wide, beta: 1, alpha: 1);
                }
            }
        }

        var middle = sum.div(table.Rows);
        var covariance = products.div(table.Rows).sub(middle.outer(middle));
        var isFlat = covariance.trace().item<double>() <= 1e-9 * middle.square().sum().item<double>();
        return new Whitening(
            middle.DetachFromDisposeScope(), isFlat ? null : MahalanobisFactor.OfCovariance(covariance, Shrinkage).DetachFromDisposeScope());
    }

    /// <summary>Rows, [N, D], such that their products are those of the summary, [N, rank] float32; the rows themselves where all are the same.</summary>
    public Tensor Apply(Tensor rows)
    {
        if (_factor is null)
        {
            return rows.alias();
        }

        using var scope = NewDisposeScope();
        var white = zeros(rows.shape[0], _factor.shape[0], dtype: float32);
        for (var first = 0L; first < rows.shape[0]; first += RowsAtOnce)
        {
            using var part = NewDisposeScope();
            Part(white, first).copy_(Part(rows, first).to(float64).sub(_middle).matmul(_factor.t()));
        }

        return white.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _middle.Dispose();
        _factor?.Dispose();
    }

    private static Tensor Part(Tensor rows, long first) => rows.narrow(0, first, Math.Min(RowsAtOnce, rows.shape[0] - first));
}

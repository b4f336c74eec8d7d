using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// Factors L [rank, D] of a Mahalanobis distance |L (x - y)|: multiplied with it, <c>x.matmul(L.t())</c>, features are such that their
/// Euclidean distance is the Mahalanobis distance, as <see cref="Matrix"/> and <see cref="Rows"/> compute it. In float64.
/// </summary>
public static class MahalanobisFactor
{
    /// <summary>The factor of a given matrix: L'L is the matrix.</summary>
    /// <param name="matrix">Symmetric and positive semi-definite, [D, D].</param>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static Tensor OfMatrix(Tensor matrix)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var m = matrix.to(float64);
        if (m.dim() != 2 || m.shape[0] != m.shape[1])
        {
            throw new ArgumentException($"matrix: is [{string.Join(", ", m.shape)}], must be square", nameof(matrix));
        }

        var largest = m.abs().max().item<double>();
        if (!((m - m.t()).abs().max().item<double>() <= 1e-6 * largest))
        {
            throw new ArgumentException("matrix: is not symmetric, must be: a distance is the same from both sides", nameof(matrix));
        }

        var (values, vectors) = linalg.eigh((m + m.t()) / 2); // ascending; vectors are columns
        var least = values[0].item<double>();
        if (least < -1e-6 * largest)
        {
            throw new ArgumentException(
                $"matrix: has the eigenvalue {least:g3}, must be positive semi-definite: a squared distance is not negative", nameof(matrix));
        }

        return Kept(values, vectors, values.clamp_min(0).sqrt()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The factor that makes features white: L'L is the inverse of their covariance, which is drawn towards a multiple of the identity
    /// first, (1 - s) C + s mean(diagonal) I. Directions in which they do not vary at all are left out.
    /// </summary>
    /// <param name="features">[N, D].</param>
    /// <param name="shrinkage">s, from 0 to 1; null for that of Ledoit and Wolf.</param>
    /// <param name="labels">
    /// Their classes, int64 [N], for the covariance within classes, by which differences that classes have anyway count less; null for
    /// that of all.
    /// </param>
    public static Tensor OfFeatures(Tensor features, double? shrinkage = null, Tensor? labels = null)
    {
        if (shrinkage is { } given)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(given, nameof(shrinkage));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(given, 1, nameof(shrinkage));
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var centred = Centred(features, labels);
        var covariance = Covariance(centred);
        var share = shrinkage ?? ShareOf(centred, covariance);
        return OfCovariance(covariance, share).MoveToOuterDisposeScope();
    }

    /// <summary>The factor that makes features white, by their covariance.</summary>
    /// <param name="covariance">C, [D, D] float64.</param>
    /// <param name="shrinkage">s, from 0 to 1.</param>
    internal static Tensor OfCovariance(Tensor covariance, double shrinkage)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var shrunk = covariance * (1 - shrinkage);
        shrunk.diagonal().add_(covariance.diagonal().mean() * shrinkage);
        var (values, vectors) = linalg.eigh(shrunk);
        return Kept(values, vectors, values.clamp_min(double.Epsilon).rsqrt()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// How far a covariance should be shrunk, from 0 to 1 (Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional
    /// covariance matrices", lemma 3.2 to 3.4).
    /// </summary>
    /// <param name="features">[N, D].</param>
    /// <param name="labels">Their classes for the covariance within classes, or null.</param>
    public static double LedoitWolf(Tensor features, Tensor? labels = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var centred = Centred(features, labels);
        return ShareOf(centred, Covariance(centred));
    }

    /// <summary>The distances of all rows from all by a given factor, |L (x - y)|.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[M, D].</param>
    /// <param name="factor">L, [rank, D].</param>
    /// <returns>[N, M], with a graph; its gradient is 0 at distance 0 and cannot be differentiated again.</returns>
    public static Tensor Matrix(Tensor x, Tensor y, Tensor factor)
    {
        using var scope = NewDisposeScope();
        var mapped = x.matmul(factor.t());
        return EuclideanMatrix.Of(mapped, ReferenceEquals(x, y) ? mapped : y.matmul(factor.t()), squared: false).MoveToOuterDisposeScope();
    }

    /// <summary>The distances of rows from the same rows by a given factor, |L (x - y)|.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[N, D].</param>
    /// <param name="factor">L, [rank, D].</param>
    /// <returns>[N].</returns>
    public static Tensor Rows(Tensor x, Tensor y, Tensor factor) => SafeRoot.Of((x - y).matmul(factor.t()).square().sum(dim: 1));

    private static double ShareOf(Tensor centred, Tensor covariance)
    {
        var (rows, width) = (centred.shape[0], centred.shape[1]);
        var mean = covariance.diagonal().mean().item<double>();
        var squares = covariance.square().sum().item<double>();
        var spread = squares - (width * mean * mean); // d^2 times D: how far it is from the multiple of the identity
        // b^2 times D: the mean over samples of |x x' - C|^2, divided by N once more; |x x'|^2 is |x|^4.
        var error = ((centred.square().sum(dim: 1).square().sum().item<double>() / rows) - squares) / rows;
        return spread <= 0 ? 1 : Math.Clamp(error / spread, 0, 1);
    }

    private static Tensor Covariance(Tensor centred) => centred.t().matmul(centred) / centred.shape[0];

    private static Tensor Centred(Tensor features, Tensor? labels)
    {
        if (features.dim() != 2 || features.shape[0] == 0)
        {
            throw new ArgumentException($"features: are [{string.Join(", ", features.shape)}], must be [N, D], not empty", nameof(features));
        }

        var x = features.to(float64);
        if (labels is null)
        {
            return x - x.mean([0], keepdim: true);
        }

        var (names, classOf, sizes) = labels.unique(return_inverse: true, return_counts: true);
        var sums = zeros([names.shape[0], x.shape[1]], dtype: float64, device: x.device).index_add(0, classOf!, x, 1);
        return x - (sums / sizes!.unsqueeze(1)).index_select(0, classOf!);
    }

    // Rows of L are eigenvectors times what they are scaled by, without those of no eigenvalue.
    private static Tensor Kept(Tensor values, Tensor vectors, Tensor scales)
    {
        var kept = (values > values.abs().max() * 1e-12).nonzero().squeeze(1);
        return (vectors * scales).t().index_select(0, kept).contiguous();
    }
}

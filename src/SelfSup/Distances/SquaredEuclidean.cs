using SelfSup.Catalogs;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>|x - y|^2, which is no metric: the triangle inequality does not hold. Of unit vectors at most 4.</summary>
[Named("squaredEuclidean")]
internal sealed class SquaredEuclidean : Distance
{
    public SquaredEuclidean(NoOptions options) => ArgumentNullException.ThrowIfNull(options);

    /// <inheritdoc/>
    public override (double Least, double Most) Span(bool ofUnitVectors) => ofUnitVectors ? (0, 4) : base.Span(ofUnitVectors);

    /// <inheritdoc/>
    public override Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null) => EuclideanMatrix.Of(x, y, squared: true);

    /// <inheritdoc/>
    public override Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null) => (x - y).square().sum(dim: 1);
}

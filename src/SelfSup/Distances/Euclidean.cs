using SelfSup.Catalogs;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>|x - y|, a metric. The matrix keeps its digits near 0, see <see cref="EuclideanMatrix"/>.</summary>
[Named("euclidean")]
internal sealed class Euclidean : Distance
{
    public Euclidean(NoOptions options) => ArgumentNullException.ThrowIfNull(options);

    /// <inheritdoc/>
    public override (double Least, double Most) Span(bool ofUnitVectors) => ofUnitVectors ? (0, 2) : base.Span(ofUnitVectors);

    /// <inheritdoc/>
    public override Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null) => EuclideanMatrix.Of(x, y, squared: false);

    /// <inheritdoc/>
    public override Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null) => SafeRoot.Of((x - y).square().sum(dim: 1));
}

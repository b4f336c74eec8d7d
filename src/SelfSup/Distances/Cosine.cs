using SelfSup.Catalogs;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// 1 - x.y of unit vectors, from 0 to 2, computed as |x - y|^2 / 2, which is the same and is 0 for a vector and itself whatever its
/// rounding. No metric.
/// </summary>
[Named("cosine")]
internal sealed class Cosine : Distance
{
    public Cosine(NoOptions options) => ArgumentNullException.ThrowIfNull(options);

    /// <inheritdoc/>
    public override bool OfUnitVectors => true;

    /// <inheritdoc/>
    public override (double Least, double Most) Span(bool ofUnitVectors) => (0, 2);

    /// <inheritdoc/>
    public override Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null) => EuclideanMatrix.Of(x, y, squared: true) / 2;

    /// <inheritdoc/>
    public override Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null) => (x - y).square().sum(dim: 1) / 2;
}

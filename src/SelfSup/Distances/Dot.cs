using SelfSup.Catalogs;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>-x.y: the larger the product, the nearer. Of any sign, and no metric.</summary>
[Named("dot")]
internal sealed class Dot : Distance
{
    public Dot(NoOptions options) => ArgumentNullException.ThrowIfNull(options);

    /// <inheritdoc/>
    public override (double Least, double Most) Span(bool ofUnitVectors) => ofUnitVectors ? (-1, 1) : (double.NegativeInfinity, double.PositiveInfinity);

    /// <inheritdoc/>
    public override Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null) => -x.matmul(y.t());

    /// <inheritdoc/>
    public override Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null) => -(x * y).sum(dim: 1);
}

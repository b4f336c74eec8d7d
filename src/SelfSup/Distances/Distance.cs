using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Distances;

/// <summary>
/// How far embeddings are from each other: smaller is nearer, also where it is made of a similarity. A recipe names it by
/// <see cref="Catalogs.NamedAttribute"/>; its constructor takes its options.
/// </summary>
public abstract class Distance
{
    /// <summary>Whether it is of embeddings of unit length: the method normalises them for it.</summary>
    public virtual bool OfUnitVectors => false;

    /// <summary>Its smallest and its largest value; the latter may be infinite.</summary>
    /// <param name="ofUnitVectors">Whether embeddings are of unit length.</param>
    public virtual (double Least, double Most) Span(bool ofUnitVectors) => (0, double.PositiveInfinity);

    /// <summary>What it adds to the encoder, such as a learned factor; or null.</summary>
    public virtual EncoderParts? Parts => null;

    /// <summary>The distance of every row of x from every row of y, with a graph and finite gradients also at 0.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[M, D]; may be the same tensor.</param>
    /// <param name="encoder">Has what it added; null where it added nothing.</param>
    /// <returns>[N, M].</returns>
    public abstract Tensor Matrix(Tensor x, Tensor y, Encoder? encoder = null);

    /// <summary>The distance of each row of x from the same row of y.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="y">[N, D].</param>
    /// <param name="encoder">Has what it added; null where it added nothing.</param>
    /// <returns>[N].</returns>
    public abstract Tensor Rows(Tensor x, Tensor y, Encoder? encoder = null);
}

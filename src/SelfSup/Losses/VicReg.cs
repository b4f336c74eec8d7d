using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>Whose sum of the terms of <see cref="VicReg"/>.</summary>
public enum VicRegConvention
{
    /// <summary>The authors' code and lightly: the variance term is the mean of the two views'.</summary>
    Authors,

    /// <summary>The paper's eq. 6 and solo-learn: it is their sum, which is twice that.</summary>
    Paper,
}

/// <summary>How much each term of <see cref="VicReg"/> counts.</summary>
/// <param name="Invariance">The paper's lambda.</param>
/// <param name="Variance">The paper's mu.</param>
/// <param name="Covariance">The paper's nu.</param>
/// <param name="Convention">Whose variance term.</param>
public sealed record VicRegWeights(
    double Invariance = 25, double Variance = 25, double Covariance = 1, VicRegConvention Convention = VicRegConvention.Authors);

/// <summary>
/// VICReg: the views of an image are to agree, every dimension is to vary, and no two are to vary together (Bardes, Ponce
/// and LeCun 2022, https://arxiv.org/abs/2105.04906, eq. 1 to 6).
/// </summary>
public static class VicReg
{
    /// <summary>What the paper adds to a variance, whose root would have no gradient at 0.</summary>
    private const double Epsilon = 1e-4;

    /// <summary>The weighted sum of the three terms.</summary>
    /// <param name="first">Embeddings of view 1, of any length, [N, D] with N at least 2.</param>
    /// <param name="second">Of view 2, in the same order, [N, D].</param>
    /// <param name="weights">Of the terms.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor first, Tensor second, VicRegWeights weights)
    {
        if (first.shape[0] < 2)
        {
            throw new ArgumentException("first: has one row, needs two; one row has no variance", nameof(first));
        }

        var (a, b) = (Centred(first), Centred(second));
        var ofVariance = weights.Variance * (weights.Convention == VicRegConvention.Authors ? 0.5 : 1);
        return (weights.Invariance * (first - second).square().mean())
            + (ofVariance * (Variance(a) + Variance(b)))
            + (weights.Covariance * (Covariance(a) + Covariance(b)));
    }

    private static Tensor Centred(Tensor rows) => rows - rows.mean([0L], keepdim: true);

    // By how much the standard deviation of a dimension falls short of 1.
    private static Tensor Variance(Tensor centred) =>
        (1 - ((centred.square().sum(dim: 0) / (centred.shape[0] - 1)) + Epsilon).sqrt()).relu().mean();

    private static Tensor Covariance(Tensor centred)
    {
        var freedom = centred.shape[0] - 1.0;
        return OffDiagonalSquares.Of(centred, centred) / (freedom * freedom * centred.shape[1]);
    }
}

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Barlow Twins: the correlations between the dimensions of one view and those of the other are to be the identity
/// (Zbontar et al. 2021, https://arxiv.org/abs/2103.03230, eq. 1). Sums over dimensions and not means, as in the paper.
/// </summary>
public static class BarlowTwins
{
    /// <summary>What the authors' batch normalisation without scale and shift adds to a variance.</summary>
    private const double Epsilon = 1e-5;

    /// <summary>sum_i (1 - C_ii)^2 + weight * sum over i != j of C_ij^2.</summary>
    /// <param name="first">Embeddings of view 1, [N, D]; standardised over the batch here.</param>
    /// <param name="second">Of view 2, in the same order, [N, D].</param>
    /// <param name="offDiagonalWeight">The paper's lambda, 0.0051.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor first, Tensor second, double offDiagonalWeight)
    {
        var rows = (double)first.shape[0];
        var (a, b) = (Standardised(first), Standardised(second));
        var diagonal = (a * b).mean([0L]);
        return (1 - diagonal).square().sum() + (OffDiagonalSquares.Of(a, b) * (offDiagonalWeight / (rows * rows)));
    }

    private static Tensor Standardised(Tensor rows)
    {
        var centred = rows - rows.mean([0L], keepdim: true);
        return centred * (centred.square().mean([0L], keepdim: true) + Epsilon).rsqrt();
    }
}

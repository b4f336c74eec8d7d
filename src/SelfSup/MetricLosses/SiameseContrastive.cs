using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// The contrastive losses over listed pairs, each the mean over all pairs. 1 is similar; Hadsell et al. 2006
/// (https://doi.org/10.1109/CVPR.2006.100) write Y = 0 for it. Embeddings are taken as they are.
/// </summary>
public static class SiameseContrastive
{
    /// <summary>similar * d^2 + (1 - similar) * relu(margin - d^2): the margin is of the squared distance.</summary>
    /// <param name="first">[N, D].</param>
    /// <param name="second">[N, D].</param>
    /// <param name="similar">1 where a pair is alike and 0 where not, [N], of any type.</param>
    /// <param name="margin">From which squared distance on unlike pairs cost nothing.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Squared(Tensor first, Tensor second, Tensor similar, double margin)
    {
        using var scope = NewDisposeScope();
        var squares = (first - second).square().sum(dim: 1);
        return Mean.Of(Chosen(similar, squares, (margin - squares).relu()), Averaging.All).MoveToOuterDisposeScope();
    }

    /// <summary>similar * d^2 / 2 + (1 - similar) * relu(margin - d)^2 / 2 (eq. 4). The gradient is 0 at distance 0.</summary>
    /// <param name="first">[N, D].</param>
    /// <param name="second">[N, D].</param>
    /// <param name="similar">1 where a pair is alike and 0 where not, [N], of any type.</param>
    /// <param name="margin">From which distance on unlike pairs cost nothing.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Hadsell(Tensor first, Tensor second, Tensor similar, double margin)
    {
        using var scope = NewDisposeScope();
        var squares = (first - second).square().sum(dim: 1);
        var missing = (margin - SafeRoot.Of(squares)).relu();
        return Mean.Of(Chosen(similar, squares / 2, missing.square() / 2), Averaging.All).MoveToOuterDisposeScope();
    }

    private static Tensor Chosen(Tensor similar, Tensor ofSimilar, Tensor ofOthers)
    {
        var weights = similar.to(ofSimilar.dtype);
        return (weights * ofSimilar) + ((1 - weights) * ofOthers);
    }
}

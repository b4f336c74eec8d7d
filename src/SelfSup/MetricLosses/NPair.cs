using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// The multi-class N-pair loss (Sohn 2016, "Improved deep metric learning with multi-class N-pair loss objective", eq. 7): one anchor
/// and one positive of each of several classes, the positives of the others being an anchor's negatives. mean_i log(1 + sum over
/// j != i of exp(a_i.p_j - a_i.p_i)), which is the cross-entropy of the products A P'. Embeddings are taken as they are; the paper does
/// not normalise them, pytorch-metric-learning does.
/// </summary>
public static class NPair
{
    /// <summary>The loss; 0 where there are no pairs.</summary>
    /// <param name="anchors">[N, D].</param>
    /// <param name="positives">Of the same classes, all of which differ, [N, D].</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor anchors, Tensor positives)
    {
        using var scope = NewDisposeScope();
        var products = anchors.matmul(positives.t());
        return Mean.Of(products.logsumexp(1) - products.diagonal(), Averaging.All).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What keeps the lengths of embeddings small: (mean |a|^2 + mean |p|^2) / 4, in the convention of TensorFlow's npairs_loss (the
    /// paper says only that the l2 norm is regularised, section 3.2.3).
    /// </summary>
    /// <param name="anchors">[N, D].</param>
    /// <param name="positives">[N, D].</param>
    /// <returns>A scalar, to be multiplied with its weight and added.</returns>
    public static Tensor Regulariser(Tensor anchors, Tensor positives)
    {
        using var scope = NewDisposeScope();
        return ((Mean.Of(anchors.square().sum(dim: 1), Averaging.All) + Mean.Of(positives.square().sum(dim: 1), Averaging.All)) / 4)
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// One pair of each class, classes ascending: the first of its anchors that has a positive, and its first positive. The convention
    /// of pytorch-metric-learning.
    /// </summary>
    /// <param name="labels">The anchors' classes, int64 [N].</param>
    /// <param name="masks">All pairs, [N, M].</param>
    /// <returns>Rows of the anchors and of the references, int64 [classes] each.</returns>
    public static (Tensor Anchors, Tensor Positives) Pairs(Tensor labels, PairMasks masks)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var able = masks.Positive.any(1).nonzero().squeeze(1); // ascending
        if (able.shape[0] == 0)
        {
            return (able.MoveToOuterDisposeScope(), able.clone().MoveToOuterDisposeScope());
        }

        // A stable sort by class leaves rows in order, so that the first row of each run is the first anchor of a class.
        var (classes, order) = labels.index_select(0, able).sort(stable: true);
        var begins = cat([ones([1], dtype: @bool, device: classes.device), classes.narrow(0, 1, classes.shape[0] - 1) != classes.narrow(0, 0, classes.shape[0] - 1)]);
        var anchors = able.index_select(0, order.index_select(0, begins.nonzero().squeeze(1)));
        var positives = masks.Positive.index_select(0, anchors).to(uint8).argmax(1);
        return (anchors.MoveToOuterDisposeScope(), positives.MoveToOuterDisposeScope());
    }
}

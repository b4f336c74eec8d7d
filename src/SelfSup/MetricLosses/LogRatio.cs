using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// The log-ratio loss over dense triplets of continuous labels (Kim et al. 2019, https://arxiv.org/abs/1904.09626, eq. 1): of an anchor
/// and two others (log(D(a, i) / D(a, j)) - log(Dy(a, i) / Dy(a, j)))^2, and the mean over all triplets. With r = log D - log Dy that
/// is the mean of (r_i - r_j)^2, which is 2 / (M - 1) times the sum of squares of r about its mean: no triplet is made.
/// </summary>
public static class LogRatio
{
    /// <summary>
    /// As the paper has it, of squared distances. The logarithm of 0 is none: a pair at distance 0, of embeddings or of labels, does not count.
    /// </summary>
    /// <param name="squares">Squared Euclidean distances of embeddings, [N, M].</param>
    /// <param name="labelSquares">Squared Euclidean distances of labels, [N, M].</param>
    /// <param name="counted">Which pairs count, an anchor with itself does not; bool [N, M].</param>
    /// <returns>A scalar; 0 where no anchor has two others.</returns>
    public static Tensor Paper(Tensor squares, Tensor labelSquares, Tensor counted)
    {
        using var scope = NewDisposeScope();
        var counts = counted & (squares > 0) & (labelSquares > 0);
        var ones = ones_like(squares);
        return Average(where(counts, squares, ones).log() - where(counts, labelSquares.to(squares.dtype), ones).log(), counts)
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// As the authors' code has it, of distances that are not squared, about a quarter of the paper's: D = sqrt(|x - y|^2 + 1e-4 / width),
    /// log(D + 1e-6), log(Dy + 1e-6). Pairs of equal labels count.
    /// </summary>
    /// <param name="squares">Squared Euclidean distances of embeddings, [N, M].</param>
    /// <param name="labelSquares">Squared Euclidean distances of labels, [N, M].</param>
    /// <param name="counted">Which pairs count, an anchor with itself does not; bool [N, M].</param>
    /// <param name="width">D, the width of the embeddings.</param>
    /// <returns>A scalar; 0 where no anchor has two others.</returns>
    public static Tensor Authors(Tensor squares, Tensor labelSquares, Tensor counted, long width)
    {
        const double Epsilon = 1e-6;
        using var scope = NewDisposeScope();
        var distances = ((squares + (1e-4 / width)).sqrt() + Epsilon).log();
        var labels = (labelSquares.to(squares.dtype).sqrt() + Epsilon).log();
        return Average(distances - labels, counted).MoveToOuterDisposeScope();
    }

    // The mean over anchors and pairs of others of (r_i - r_j)^2.
    private static Tensor Average(Tensor ratios, Tensor counts)
    {
        var weights = counts.to(ratios.dtype);
        var others = weights.sum(dim: 1, keepdim: true);
        var centred = (ratios - ((ratios * weights).sum(dim: 1, keepdim: true) / others.clamp_min(1))) * weights;
        var sums = others.squeeze(1) * centred.square().sum(dim: 1);
        var triplets = (others * (others - 1) / 2).sum();
        return sums.sum() / triplets.clamp_min(1);
    }
}

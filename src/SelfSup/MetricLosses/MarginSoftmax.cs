using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Cross-entropy over cosines where that with the own class is made less by a margin, so that classes keep apart; the mean over samples.
/// What it needs is said at <see cref="NormalisedSoftmax"/>: the gradients of embeddings and classes, and never the [N, K] logits.
/// </summary>
public static class MarginSoftmax
{
    /// <summary>
    /// A-Softmax (SphereFace, Liu et al. 2017, https://arxiv.org/abs/1704.08063, eq. 7): logits are the cosines times the length of
    /// the embedding.
    /// </summary>
    /// <param name="embeddings">Of any length, [N, D].</param>
    /// <param name="classes">Directions of unit length, [K, D].</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="margin">m, how many times the angle is taken, at least 1.</param>
    /// <param name="scale">Times all logits; 1 in the paper.</param>
    /// <param name="lambda">
    /// How much of the plain cosine is left: (lambda cos + psi) / (1 + lambda). The authors' code begins with much, as psi alone is hard
    /// to begin with.
    /// </param>
    /// <returns>A scalar.</returns>
    public static Tensor SphereFace(
        Tensor embeddings, Tensor classes, Tensor labels, int margin, double scale = 1, double lambda = 0)
    {
        var rows = embeddings * scale;
        var lengths = rows.square().sum(dim: 1).clamp_min(1e-24).sqrt(); // at 0 the gradient is 0
        return ClassSoftmax.Mean(rows, lengths, classes, labels, (products, length) =>
        {
            var cosines = products / length;
            return length * ((lambda * cosines) + AngularMargins.SphereFace(cosines, margin)) / (1 + lambda);
        });
    }

    /// <summary>CosFace, or large margin cosine loss (Wang et al. 2018, https://arxiv.org/abs/1801.09414, eq. 4).</summary>
    /// <param name="embeddings">Of unit length, [N, D].</param>
    /// <param name="classes">Directions of unit length, [K, D].</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="margin">m, taken from the cosine.</param>
    /// <param name="scale">s, times all cosines.</param>
    /// <returns>A scalar.</returns>
    public static Tensor CosFace(Tensor embeddings, Tensor classes, Tensor labels, double margin, double scale) =>
        Mean(embeddings, classes, labels, scale, centres: 1, cosines => AngularMargins.CosFace(cosines, margin));

    /// <summary>
    /// ArcFace (Deng et al. 2019, https://arxiv.org/abs/1801.07698, eq. 3) and, with several centres a class of which the nearest counts,
    /// sub-centre ArcFace (Deng et al. 2020,
    /// https://www.ecva.net/papers/eccv_2020/papers_ECCV/html/1445_ECCV_2020_paper.php).
    /// </summary>
    /// <param name="embeddings">Of unit length, [N, D].</param>
    /// <param name="classes">Directions of unit length, [K * C, D], the C centres of a class one after the other.</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="margin">m, added to the angle, in radians.</param>
    /// <param name="scale">s, times all cosines.</param>
    /// <param name="centres">C.</param>
    /// <returns>A scalar.</returns>
    public static Tensor ArcFace(Tensor embeddings, Tensor classes, Tensor labels, double margin, double scale, int centres = 1) =>
        Mean(embeddings, classes, labels, scale, centres, cosines => AngularMargins.ArcFace(cosines, margin));

    /// <summary>The combined margin, of which the three others are special cases: see <see cref="AngularMargins.Combined"/>.</summary>
    /// <param name="embeddings">Of unit length, [N, D].</param>
    /// <param name="classes">Directions of unit length, [K, D].</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="multiple">m1, how many times the angle is taken.</param>
    /// <param name="angle">m2, added to the angle, in radians.</param>
    /// <param name="margin">m3, taken from the cosine.</param>
    /// <param name="beyond">What follows where the angle becomes more than pi; lowered with an m1 of 1 only.</param>
    /// <param name="scale">s, times all cosines.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Combined(
        Tensor embeddings,
        Tensor classes,
        Tensor labels,
        double multiple,
        double angle,
        double margin,
        BeyondPi beyond,
        double scale) => Mean(
            embeddings, classes, labels, scale, centres: 1, cosines => AngularMargins.Combined(cosines, multiple, angle, margin, beyond));

    private static Tensor Mean(
        Tensor embeddings, Tensor classes, Tensor labels, double scale, int centres, Func<Tensor, Tensor> lower) =>
        ClassSoftmax.Mean(embeddings * scale, classes, labels, products => lower(products / scale) * scale, centres);
}

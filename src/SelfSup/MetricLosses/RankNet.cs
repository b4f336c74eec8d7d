using SelfSup.Losses;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// RankNet (Burges et al. 2005, https://doi.org/10.1145/1102351.1102363): cross-entropy on which of two items of a list ranks higher,
/// by the logistic function of the difference of their scores. Over pairs, so for lists of N items it makes [N, N].
/// </summary>
public static class RankNet
{
    /// <summary>The mean over pairs whose first item is the more relevant of log(1 + exp(-sigma (s_i - s_j))); 0 if there is none.</summary>
    /// <param name="scores">[N].</param>
    /// <param name="relevance">Higher ranks higher, [N].</param>
    /// <param name="sigma">Times every difference.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor scores, Tensor relevance, double sigma)
    {
        var ordered = relevance.unsqueeze(1) > relevance.unsqueeze(0);
        var losses = Softplus.Of(Differences(scores) * -sigma);
        return where(ordered, losses, zeros_like(losses)).sum() / ordered.sum().clamp_min(1);
    }

    /// <summary>
    /// The mean over all pairs, ties included, of the cross-entropy with the probability 1, 1/2 or 0 that the first item ranks higher.
    /// </summary>
    /// <param name="scores">[N]; N at least 2, else the loss is 0.</param>
    /// <param name="relevance">Higher ranks higher, [N].</param>
    /// <param name="sigma">Times every difference.</param>
    /// <returns>A scalar.</returns>
    public static Tensor SoftLoss(Tensor scores, Tensor relevance, double sigma)
    {
        var count = scores.shape[0];
        var differences = Differences(scores) * sigma;
        var higher = ((relevance.unsqueeze(1) - relevance.unsqueeze(0)).sign().to(scores.dtype) + 1) / 2;
        // A pair has the same loss from either side, and an item with itself counts for nothing.
        var losses = (Softplus.Of(-differences) + ((1 - higher) * differences)).triu(1);
        return losses.sum() / Math.Max(1, count * (count - 1) / 2);
    }

    /// <summary>The mean over pairs of log(1 + exp(-sigma (s_i - s_j))), of items that are ordered already.</summary>
    /// <param name="higher">Scores of the more relevant of each pair, [P].</param>
    /// <param name="lower">Scores of the other, [P].</param>
    /// <param name="sigma">Times every difference.</param>
    /// <returns>A scalar.</returns>
    public static Tensor OrderedLoss(Tensor higher, Tensor lower, double sigma) => Softplus.Of((lower - higher) * sigma).mean();

    private static Tensor Differences(Tensor scores) => scores.unsqueeze(1) - scores.unsqueeze(0);
}

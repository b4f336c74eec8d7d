using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// Every view predicts the assignment of every other: SwAV's swapped prediction (Caron et al. 2020,
/// https://arxiv.org/abs/2006.09882, eq. 1 and 2, with small crops eq. 6) and DINO's loss (Caron et al. 2021,
/// https://arxiv.org/abs/2104.14294, eq. 3), which differ in how targets are made.
/// </summary>
public static class CrossViewPrediction
{
    /// <summary>
    /// The mean over all pairs (a, v != a) of -mean_n sum_k target_a log softmax(logits_v / temperature), [n, k].
    /// </summary>
    /// <param name="logits">Of all views, V of [N, K], not divided by the temperature.</param>
    /// <param name="targets">Of the first A views, [N, K] each; constants whose rows sum to 1.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(IReadOnlyList<Tensor> logits, IReadOnlyList<Tensor> targets, double temperature)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        if (targets.Count == 0 || targets.Count > logits.Count || logits.Count < 2)
        {
            throw new ArgumentException(
                $"targets: are of {targets.Count} views of {logits.Count}, must be of one at least and of no more than there are, "
                + "and there must be two",
                nameof(targets));
        }

        Tensor? sum = null;
        for (var view = 0; view < logits.Count; view++)
        {
            if (Others(targets, view) is { } others)
            {
                var ofView = ((logits[view] / temperature).log_softmax(1) * others).sum();
                sum = sum is null ? ofView : sum + ofView;
            }
        }

        var pairs = targets.Count * (logits.Count - 1L);
        return sum! / -(pairs * logits[0].shape[0]);
    }

    // Cross-entropy is linear in the target, so that a view meets the sum of its targets and not one after the other.
    private static Tensor? Others(IReadOnlyList<Tensor> targets, int view)
    {
        using var _ = no_grad();
        Tensor? sum = null;
        for (var other = 0; other < targets.Count; other++)
        {
            if (other != view)
            {
                sum = sum is null ? targets[other].detach() : sum + targets[other];
            }
        }

        return sum;
    }
}

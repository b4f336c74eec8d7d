using SelfSup.Losses;
using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// NT-Xent of labels, in the convention of pytorch-metric-learning: of an ordered positive pair
/// -log(exp(s / T) / (exp(s / T) + sum over negatives of the anchor)), so that other positives are not in the denominator, and the mean
/// over pairs.
/// </summary>
public static class NtXentPairs
{
    /// <summary>The loss; 0 where there are no positive pairs.</summary>
    /// <param name="similarities">Cosines, [N, M].</param>
    /// <param name="masks">Which pairs count.</param>
    /// <param name="temperature">Divides every similarity.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor similarities, PairMasks masks, double temperature)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        using var scope = NewDisposeScope();
        var logits = similarities / temperature;
        var negatives = MaskedLogSumExp.Of(logits, masks.Negative).unsqueeze(1);
        return Mean.Of(Softplus.Of(negatives - logits), masks.Positive).MoveToOuterDisposeScope();
    }
}

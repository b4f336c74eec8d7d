using static TorchSharp.torch;

namespace SelfSup.MetricLosses;

/// <summary>How near samples are to their own classes.</summary>
public static class ClassCosines
{
    /// <summary>The product of each sample with the direction of its class; with several centres a class, with the nearest.</summary>
    /// <param name="embeddings">[N, D].</param>
    /// <param name="classes">[K * C, D], the centres of a class one after the other.</param>
    /// <param name="labels">The samples' classes, int64 [N].</param>
    /// <param name="centres">C.</param>
    /// <returns>Cosines where both are of unit length, [N].</returns>
    public static Tensor Own(Tensor embeddings, Tensor classes, Tensor labels, int centres = 1) =>
        Nearest(embeddings, classes, labels, centres).Products;

    /// <summary>The same, and in which row of the classes the nearest centre of each sample is, int64 [N].</summary>
    internal static (Tensor Products, Tensor Places) Nearest(Tensor embeddings, Tensor classes, Tensor labels, int centres)
    {
        if (centres == 1)
        {
            return ((embeddings * classes.index_select(0, labels)).sum(dim: 1), labels);
        }

        var own = classes.view(-1, centres, classes.shape[1]).index_select(0, labels); // [N, C, D]
        var (products, nearest) = own.matmul(embeddings.unsqueeze(2)).squeeze(2).max(1);
        return (products, (labels * centres) + nearest);
    }
}

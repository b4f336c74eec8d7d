using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// NT-Xent: InfoNCE where the negatives of a view are all other views in the global batch (Chen et al. 2020,
/// https://arxiv.org/abs/2002.05709, eq. 1, and the mean over 2N views of algorithm 1). The authors' TensorFlow code
/// adds the means of the two directions instead, which is twice this value.
/// </summary>
public static class NtXent
{
    /// <summary>The mean loss over this rank's views.</summary>
    /// <param name="local">This rank's unit-length embeddings, view 1 then view 2, [2N, D].</param>
    /// <param name="all">Every rank's, in rank order, [R * 2N, D]; the same tensor as local where R is 1.</param>
    /// <param name="rank">Which block of <paramref name="all"/> is local.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor local, Tensor all, int rank, double temperature)
    {
        // A view is neither its own positive nor its negative.
        var denominator = SimilarityLogSumExp.Of(local, all, temperature, [Pairs.Selves(local, rank)]);
        return (denominator - Pairs.Logits(local, Pairs.OtherView(local), temperature)).mean();
    }
}

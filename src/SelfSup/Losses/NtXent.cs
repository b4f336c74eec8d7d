using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// NT-Xent: InfoNCE where the negatives of a view are all other views in the global batch (Chen et al. 2020,
/// https://arxiv.org/abs/2002.05709, eq. 1, and the mean over 2N views of algorithm 1). The authors' TensorFlow code
/// adds the means of the two directions instead, which is twice this value.
/// </summary>
internal static class NtXent
{
    /// <summary>The mean loss over this rank's views.</summary>
    /// <param name="local">This rank's unit-length embeddings, view 1 then view 2, [2N, D].</param>
    /// <param name="all">Every rank's, in rank order, [R * 2N, D]; the same tensor as local where R is 1.</param>
    /// <param name="rank">Which block of <paramref name="all"/> is local.</param>
    /// <param name="temperature">Divides every logit.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor local, Tensor all, int rank, double temperature)
    {
        var rows = local.shape[0];
        var first = rank * rows; // the column of the first local view
        var logits = local.matmul(all.t()) / temperature; // [2N, R * 2N]
        logits.diagonal(first).fill_(double.NegativeInfinity); // a view is neither its own positive nor its negative
        var positive = arange(rows, dtype: int64, device: local.device).roll(rows / 2) + first; // the image's other view
        return nn.functional.cross_entropy(logits, positive);
    }
}

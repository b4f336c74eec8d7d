using SelfSup.Augmentation;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>The tuples of a batch of all ranks, whose images are all there.</summary>
/// <param name="Anchors">[T, D], with a graph.</param>
/// <param name="Candidates">C of each anchor, [T, C, D].</param>
/// <param name="Negatives">One of each anchor, [T, D]; null where the list has none.</param>
/// <param name="Scores">How similar candidates are, above 0 where at all, [T, C] float64 on the embeddings' device.</param>
/// <param name="Images">The images of each tuple, as <see cref="TupleList.Images"/> writes them, [T * width].</param>
/// <param name="List">The list that they are of.</param>
internal sealed record TupleEmbeddings(
    Tensor Anchors, Tensor Candidates, Tensor? Negatives, Tensor Scores, int[] Images, TupleList List)
{
    /// <summary>T.</summary>
    public long Count => Anchors.shape[0];

    /// <summary>Anchors, one for each of their candidates, [T * C, D].</summary>
    public Tensor RepeatedAnchors() => Anchors.unsqueeze(1).expand_as(Candidates).reshape(-1, Anchors.shape[1]);

    /// <summary>All candidates and, after them, all listed negatives: what an anchor can be kept away from, [M, D].</summary>
    public Tensor Pool()
    {
        var candidates = Candidates.reshape(-1, Anchors.shape[1]);
        return Negatives is null ? candidates : cat([candidates, Negatives]);
    }

    /// <summary>
    /// Which of the <see cref="Pool"/> are no image that the list calls similar to an anchor, nor the anchor itself; bool [T, M]. A
    /// popular item is in the batch as the positive of somebody else, and may be one's own as well.
    /// </summary>
    public Tensor Unlike()
    {
        var (width, each, count) = (List.Width, List.PerTuple, (int)Count);
        var pool = new int[count * (width - 1)];
        for (var i = 0; i < count * each; i++)
        {
            pool[i] = Images[(i / each * width) + 1 + (i % each)];
        }

        for (var i = count * each; i < pool.Length; i++)
        {
            pool[i] = Images[((i - (count * each)) * width) + width - 1];
        }

        var unlike = new bool[count, pool.Length];
        for (var tuple = 0; tuple < count; tuple++)
        {
            var anchor = Images[tuple * width];
            for (var i = 0; i < pool.Length; i++)
            {
                unlike[tuple, i] = pool[i] != anchor && !List.IsSimilar(anchor, pool[i]);
            }
        }

        return tensor(unlike, device: Anchors.device);
    }
}

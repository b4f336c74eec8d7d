using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>What labelled methods that take one view of an image compare it with where two views would be looked at.</summary>
internal static class OneView
{
    /// <summary>
    /// For each image of a batch the next one of its class, the first after the last; itself where it is the only one or has no class.
    /// </summary>
    /// <param name="embeddings">[N, D].</param>
    /// <param name="labels">int64 [N]; below 0 where an image has none.</param>
    /// <returns>[N, D].</returns>
    public static Tensor Neighbours(Tensor embeddings, Tensor labels) =>
        embeddings.index_select(0, tensor(NextOfClass(labels.cpu().data<long>().ToArray()), device: embeddings.device));

    /// <summary>
    /// For each place the next one with the same label, the first after the last; its own where there is no other, and where the label is
    /// below 0, which is none.
    /// </summary>
    internal static long[] NextOfClass(long[] labels)
    {
        var next = new long[labels.Length];
        var (first, last) = (new Dictionary<long, long>(), new Dictionary<long, long>());
        for (var i = 0L; i < labels.Length; i++)
        {
            if (labels[i] < 0)
            {
                next[i] = i;
                continue;
            }

            if (last.TryGetValue(labels[i], out var previous))
            {
                next[previous] = i;
            }
            else
            {
                first.Add(labels[i], i);
            }

            last[labels[i]] = i;
        }

        foreach (var (label, place) in last)
        {
            next[place] = first[label];
        }

        return next;
    }
}

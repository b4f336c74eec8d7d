using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Views of several sizes (Caron et al. 2020, https://arxiv.org/abs/2006.09882, section 3.3): those of one size go through
/// the backbone together, then all of them through the head, as in the authors' code.
/// </summary>
internal static class MultiCrop
{
    /// <summary>Unit-length embeddings of every view, V times [N, D].</summary>
    public static IReadOnlyList<Tensor> Embed(Encoder encoder, IReadOnlyList<Tensor> views)
    {
        using var scope = NewDisposeScope(); // without a graph nothing needs the joined images any more
        var features = new List<Tensor>();
        for (var first = 0; first < views.Count;)
        {
            var group = views.Skip(first).TakeWhile(v => v.shape[^1] == views[first].shape[^1]).ToArray();
            features.Add(encoder.Represent(group.Length == 1 ? group[0] : cat(group)));
            first += group.Length;
        }

        return [.. Encoder.Unit(encoder.ProjectFeatures(cat([.. features]))).chunk(views.Count).Select(z => z.MoveToOuterDisposeScope())];
    }
}

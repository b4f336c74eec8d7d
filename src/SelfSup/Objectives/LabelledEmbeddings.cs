using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>What an objective compares: each anchor with all references.</summary>
/// <param name="Anchors">[N, D], with a graph.</param>
/// <param name="Labels">The anchors' classes, int64 [N].</param>
/// <param name="References">[M, D]: the anchors themselves (the same tensor), or a memory, which is constant.</param>
/// <param name="ReferenceLabels">The references' classes, int64 [M].</param>
/// <param name="FirstSelf">
/// The place of the first anchor among the references, the others follow it; null where the anchors are not among them.
/// </param>
/// <param name="Step">The step, for choices at random.</param>
public sealed record LabelledEmbeddings(
    Tensor Anchors, Tensor Labels, Tensor References, Tensor ReferenceLabels, long? FirstSelf, long Step)
{
    /// <summary>Numbers that belong to the anchors' images, [N, V]; null where the objective does not ask for them.</summary>
    public Tensor? Values { get; init; }

    /// <summary>The references' numbers, [M, V].</summary>
    public Tensor? ReferenceValues { get; init; }

    /// <summary>A batch that is compared with itself.</summary>
    public static LabelledEmbeddings Of(Tensor embeddings, Tensor labels, long step) => new(embeddings, labels, embeddings, labels, 0, step);

    /// <summary>Whether the anchors are compared with one another, and not with a memory.</summary>
    public bool IsBatch => ReferenceEquals(Anchors, References);
}

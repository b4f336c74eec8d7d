using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Triplets by the places of their members, each int64 [T]; T may be 0.</summary>
/// <param name="Anchor">Rows of the anchors.</param>
/// <param name="Positive">Rows of the references: of the anchor's class.</param>
/// <param name="Negative">Rows of the references: of another class.</param>
public sealed record Triplets(Tensor Anchor, Tensor Positive, Tensor Negative);

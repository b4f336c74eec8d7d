using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Which pairs of an anchor and a reference count.</summary>
/// <param name="Positive">Pairs of one class, an anchor with itself left out; bool [N, M].</param>
/// <param name="Negative">Pairs of two classes; bool [N, M].</param>
public sealed record PairMasks(Tensor Positive, Tensor Negative)
{
    /// <summary>All pairs that labels make.</summary>
    /// <param name="labels">The anchors' classes, int64 [N].</param>
    /// <param name="referenceLabels">The references' classes, int64 [M].</param>
    /// <param name="firstSelf">
    /// The place of the first anchor among the references, the others follow it; null where the anchors are not among them.
    /// </param>
    public static PairMasks Of(Tensor labels, Tensor referenceLabels, long? firstSelf)
    {
        using var scope = NewDisposeScope();
        var same = labels.unsqueeze(1) == referenceLabels.unsqueeze(0);
        var positive = same;
        if (firstSelf is { } first)
        {
            positive = same.clone();
            positive.narrow(1, first, labels.shape[0]).diagonal().zero_();
        }

        return new PairMasks(positive.MoveToOuterDisposeScope(), same.logical_not().MoveToOuterDisposeScope());
    }

    /// <summary>The pairs of which triplets are made, each once however many triplets it is in.</summary>
    /// <param name="triplets">The triplets.</param>
    /// <param name="anchors">N.</param>
    /// <param name="references">M.</param>
    public static PairMasks Of(Triplets triplets, long anchors, long references)
    {
        using var scope = NewDisposeScope();
        return new PairMasks(Mask(triplets.Positive), Mask(triplets.Negative));

        Tensor Mask(Tensor others)
        {
            var mask = zeros([anchors, references], dtype: @bool, device: others.device);
            mask.view(-1).index_fill_(0, (triplets.Anchor * references) + others, true);
            return mask.MoveToOuterDisposeScope();
        }
    }
}

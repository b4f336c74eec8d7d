using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>
/// Triplets by the places of their members, each int64 [T]; T may be 0. Those that are listed here come in the order of anchor, then
/// positive, then negative.
/// </summary>
/// <param name="Anchor">Rows of the anchors.</param>
/// <param name="Positive">Rows of the references: of the anchor's class.</param>
/// <param name="Negative">Rows of the references: of another class.</param>
public sealed record Triplets(Tensor Anchor, Tensor Positive, Tensor Negative)
{
    /// <summary>T.</summary>
    public long Count => Anchor.shape[0];

    /// <summary>Every positive with every negative of an anchor: about N^3 of a batch. Losses over masks do not need the list.</summary>
    public static Triplets Of(PairMasks masks) => Where(masks, null);

    /// <summary>Triplets some of which are left out, found some positive pairs at a time.</summary>
    /// <param name="masks">The pairs they are made of.</param>
    /// <param name="keep">
    /// Of anchors and positives, int64 [pairs], which of the references would make a triplet that counts, bool [pairs, M]; or null.
    /// </param>
    internal static Triplets Where(PairMasks masks, Func<Tensor, Tensor, Tensor>? keep)
    {
        using var scope = NewDisposeScope();
        var members = new List<Tensor>();
        PositivePairs.ForEachTile(masks, (anchors, positives) =>
        {
            var negatives = masks.Negative.index_select(0, anchors);
            var found = (keep is null ? negatives : negatives & keep(anchors, positives)).nonzero(); // [T, 2]
            var pair = found.select(1, 0);
            members.Add(stack([anchors.index_select(0, pair), positives.index_select(0, pair), found.select(1, 1)]).MoveToOuterDisposeScope());
        });
        var all = members.Count == 0 ? zeros([3, 0], dtype: int64, device: masks.Positive.device) : cat(members, 1);
        return new Triplets(
            all[0].MoveToOuterDisposeScope(), all[1].MoveToOuterDisposeScope(), all[2].MoveToOuterDisposeScope());
    }
}

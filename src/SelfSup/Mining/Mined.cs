namespace SelfSup.Mining;

/// <summary>What a miner has chosen: pairs, or triplets. A loss over the other kind takes the pairs of the triplets, or all triplets of the pairs.</summary>
/// <param name="Pairs">The pairs, or null.</param>
/// <param name="Triplets">The triplets, or null.</param>
public sealed record Mined(PairMasks? Pairs, Triplets? Triplets)
{
    /// <summary>Keeps what was chosen for the scope outside the current one.</summary>
    internal Mined MoveToOuterDisposeScope()
    {
        foreach (var tensor in new[] { Pairs?.Positive, Pairs?.Negative, Triplets?.Anchor, Triplets?.Positive, Triplets?.Negative })
        {
            tensor?.MoveToOuterDisposeScope();
        }

        return this;
    }

    /// <summary>The pairs, those of the triplets where triplets were chosen.</summary>
    /// <param name="anchors">N.</param>
    /// <param name="references">M.</param>
    public PairMasks AsPairs(long anchors, long references) => Pairs ?? PairMasks.Of(Triplets!, anchors, references);
}

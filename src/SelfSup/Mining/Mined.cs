namespace SelfSup.Mining;

/// <summary>What a miner has chosen: pairs, or triplets. A loss over the other kind takes the pairs of the triplets, or all triplets of the pairs.</summary>
/// <param name="Pairs">The pairs, or null.</param>
/// <param name="Triplets">The triplets, or null.</param>
public sealed record Mined(PairMasks? Pairs, Triplets? Triplets);

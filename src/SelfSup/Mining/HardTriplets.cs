using SelfSup.Catalogs;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Every triplet whose negative is no farther than its positive.</summary>
[Named("hard")]
internal sealed class HardTriplets(TripletMinerOptions options) : IMiner
{
    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) =>
        new(null, TripletMining.Select(distances, all, TripletKind.Hard, options.Margin));
}

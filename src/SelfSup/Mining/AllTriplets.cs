using SelfSup.Catalogs;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Every triplet whose gap is at most the margin, hard or semi-hard.</summary>
[Named("all")]
internal sealed class AllTriplets(TripletMinerOptions options) : IMiner
{
    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) =>
        new(null, TripletMining.Select(distances, all, TripletKind.All, options.Margin));
}

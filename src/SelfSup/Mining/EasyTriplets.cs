using SelfSup.Catalogs;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Every triplet whose gap is larger than the margin.</summary>
[Named("easy")]
internal sealed class EasyTriplets(TripletMinerOptions options) : IMiner
{
    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) =>
        new(null, TripletMining.Select(distances, all, TripletKind.Easy, options.Margin));
}

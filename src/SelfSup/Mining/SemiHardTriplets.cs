using SelfSup.Catalogs;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>Every triplet whose negative is farther than its positive, but by no more than the margin (FaceNet).</summary>
[Named("semiHard")]
internal sealed class SemiHardTriplets(TripletMinerOptions options) : IMiner
{
    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) =>
        new(null, TripletMining.Select(distances, all, TripletKind.SemiHard, options.Margin));
}

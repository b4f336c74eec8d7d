using SelfSup.Catalogs;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>The farthest positive and the nearest negative of each anchor (Hermans et al. 2017).</summary>
[Named("batchHard")]
internal sealed class BatchHard : IMiner
{
    public BatchHard(NoOptions options) => ArgumentNullException.ThrowIfNull(options);

    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) => new(null, TripletMining.BatchHard(distances, all));
}

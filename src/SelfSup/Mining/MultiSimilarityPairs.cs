using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Distances;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>
/// Positives and negatives that are hard beside the hardest of the other kind (Wang et al. 2019). Over cosine distances.
/// </summary>
[Named("multiSimilarity")]
internal sealed class MultiSimilarityPairs(MultiSimilarityPairsOptions options) : IMiner
{
    /// <inheritdoc/>
    public Distance? Over { get; } = new Cosine(new NoOptions());

    /// <inheritdoc/>
    public Mined Mine(Tensor distances, PairMasks all, MiningDraw draw) =>
        new(PairMining.MultiSimilarity(distances, all, options.Epsilon), null);
}

/// <summary>The settings of <c>multiSimilarity</c>.</summary>
internal sealed class MultiSimilarityPairsOptions
{
    /// <summary>How much easier than the hardest of the other kind a pair may be, in cosines.</summary>
    [Range(0.0, 2.0)]
    public double Epsilon { get; set; } = 0.1;
}

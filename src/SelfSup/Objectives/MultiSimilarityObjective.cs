using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>The multi-similarity loss (Wang et al. 2019, https://arxiv.org/abs/1904.06627); the paper takes the miner of the same name with it.</summary>
[Named("multiSimilarity")]
internal sealed class MultiSimilarityObjective(MultiSimilarityOptions options, ObjectiveContext context)
    : SimilarityObjective(options, context)
{
    /// <inheritdoc/>
    protected override Tensor Loss(Tensor similarities, PairMasks pairs) =>
        MultiSimilarity.Loss(similarities, pairs, options.Alpha, options.Beta, options.Threshold);
}

/// <summary>The settings of <c>multiSimilarity</c>.</summary>
internal sealed class MultiSimilarityOptions : SimilarityOptions
{
    public MultiSimilarityOptions() => Miner = new Choice("multiSimilarity", new MultiSimilarityPairsOptions());

    /// <summary>How sharply positives are weighted.</summary>
    [Range(0.0, 10000.0, MinimumIsExclusive = true)]
    public double Alpha { get; set; } = 2;

    /// <summary>How sharply negatives are weighted.</summary>
    [Range(0.0, 10000.0, MinimumIsExclusive = true)]
    public double Beta { get; set; } = 50;

    /// <summary>The similarity about which they are, lambda of the paper.</summary>
    [Range(-1.0, 1.0)]
    public double Threshold { get; set; } = 0.5;
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>The circle loss (Sun et al. 2020, https://arxiv.org/abs/2002.10857).</summary>
[Named("circle")]
internal sealed class CircleObjective(CircleOptions options, ObjectiveContext context) : SimilarityObjective(options, context)
{
    /// <inheritdoc/>
    protected override Tensor Loss(Tensor similarities, PairMasks pairs) =>
        Circle.Loss(similarities, pairs, options.Margin, options.Gamma, options.Averaging);

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Facts(Tensor similarities, PairMasks pairs) =>
        [("activeAnchors", Count(Circle.PerAnchor(similarities, pairs, options.Margin, options.Gamma) > 0))];
}

/// <summary>The settings of <c>circle</c>.</summary>
internal sealed class CircleOptions : SimilarityOptions
{
    /// <summary>m: the similarity that negatives should fall below, and 1 - m that positives should rise above.</summary>
    [Range(-1.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double Margin { get; set; } = 0.4;

    /// <summary>The scale.</summary>
    [Range(0.0, 10000.0, MinimumIsExclusive = true)]
    public double Gamma { get; set; } = 80;

    /// <summary>Whether the mean is over the anchors whose loss is not 0, or over all.</summary>
    public Averaging Averaging { get; set; } = Averaging.NonZero;
}

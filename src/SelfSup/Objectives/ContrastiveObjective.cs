using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The contrastive loss over all pairs of a batch (Hadsell et al. 2006, https://doi.org/10.1109/CVPR.2006.100), as
/// <see cref="PairwiseContrastive"/> has it.
/// </summary>
[Named("contrastive")]
internal sealed class ContrastiveObjective : PairObjective
{
    private readonly ContrastiveOptions _options;

    public ContrastiveObjective(ContrastiveOptions options, ObjectiveContext context)
        : base(options, context)
    {
        _options = options;
        RequireWithin("positiveMargin", PositiveMargin, ofPositives: true);
        RequireWithin("negativeMargin", options.NegativeMargin, ofPositives: false);
    }

    private double Least => Distance.Span(OfUnitVectors).Least;

    // Of distances that have no smallest one there is no default either: 0.
    private double PositiveMargin => _options.PositiveMargin ?? (double.IsFinite(Least) ? Least : 0);

    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        var pairs = MinePairs(batch, distances);
        return PairwiseContrastive.Loss(distances, pairs, PositiveMargin, _options.NegativeMargin, _options.Averaging)
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        var pairs = MinePairs(batch, distances);
        var (positive, negative) = PairwiseContrastive.Active(distances, pairs, PositiveMargin, _options.NegativeMargin);
        return [.. CountsOf(pairs), ("activePositivePairs", positive), ("activeNegativePairs", negative)];
    }
}

/// <summary>The settings of <c>contrastive</c>.</summary>
internal sealed class ContrastiveOptions : PairOptions
{
    /// <summary>Positives that are nearer cost nothing; by default the smallest distance, 0 of most.</summary>
    [Range(-1000.0, 1000.0)]
    public double? PositiveMargin { get; set; }

    /// <summary>Negatives that are farther cost nothing.</summary>
    [Range(-1000.0, 1000.0)]
    public double NegativeMargin { get; set; } = 1;

    /// <summary>Whether means are over the pairs whose loss is not 0, or over all.</summary>
    public Averaging Averaging { get; set; } = Averaging.NonZero;
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>Lifted structured embedding (Song et al. 2016, https://arxiv.org/abs/1511.06452), see <see cref="LiftedStructure.Loss"/>.</summary>
[Named("lifted")]
internal sealed class LiftedObjective(LiftedOptions options, ObjectiveContext context) : PairObjective(options, context)
{
    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        return LiftedStructure.Loss(distances, MinePairs(batch, distances), options.NegativeMargin, options.PositiveMargin)
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        var pairs = MinePairs(batch, distances);
        var excess = LiftedStructure.Excess(distances, pairs, options.NegativeMargin, options.PositiveMargin);
        return [.. CountsOf(pairs), ("activePositivePairs", Count((excess > 0) & pairs.Positive))];
    }
}

/// <summary>The settings of <c>lifted</c> and <c>generalizedLifted</c>.</summary>
internal sealed class LiftedOptions : PairOptions
{
    /// <summary>Beyond it negatives count exponentially less.</summary>
    [Range(-1000.0, 1000.0)]
    public double NegativeMargin { get; set; } = 1;

    /// <summary>Taken off the distance of positives; 0 in the paper.</summary>
    [Range(-1000.0, 1000.0)]
    public double PositiveMargin { get; set; }
}

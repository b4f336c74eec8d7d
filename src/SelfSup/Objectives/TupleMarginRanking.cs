using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>The hinge over pairs of an anchor's candidates: the one with the higher score is to be nearer by a margin.</summary>
[Named("marginRanking")]
internal sealed class TupleMarginRanking(TupleMarginRankingOptions options, ObjectiveContext context) : TupleRanking(options, context)
{
    /// <inheritdoc/>
    public override Tensor Loss(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var (higher, lower) = Ordered(batch, encoder);
        return (higher.shape[0] == 0
            ? batch.Anchors.sum() * 0
            : MarginRanking.Loss(higher, lower, ones_like(higher), options.Margin)).MoveToOuterDisposeScope();
    }
}

/// <summary>The settings of <c>marginRanking</c>.</summary>
internal sealed class TupleMarginRankingOptions : TupleRankingOptions
{
    /// <summary>By how much.</summary>
    [Range(0.0, 1e6)]
    public double Margin { get; set; } = 0.5;
}

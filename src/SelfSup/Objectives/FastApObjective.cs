using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.MetricLosses;
using SelfSup.Mining;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>FastAP (Cakir et al. 2019, "Deep metric learning to rank"): average precision over bins of distances.</summary>
[Named("fastAp")]
internal sealed class FastApObjective(FastApOptions options, ObjectiveContext context) : MinedObjective(null, ofUnitVectors: true, context)
{
    private readonly SquaredEuclidean _distance = new(new NoOptions());

    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = _distance.Matrix(batch.Anchors, batch.References);
        return FastAp.Loss(distances, MinePairs(batch, distances), options.Bins).MoveToOuterDisposeScope();
    }

    /// <summary>Anchors that have a positive, which are those that count.</summary>
    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var pairs = PairMasks.Of(batch.Labels, batch.ReferenceLabels, batch.FirstSelf);
        return [("activeAnchors", Count(pairs.Positive.any(1)))];
    }
}

/// <summary>The settings of <c>fastAp</c>.</summary>
internal sealed class FastApOptions
{
    /// <summary>Steps between the smallest and the largest distance.</summary>
    [Range(1, 10000)]
    public int Bins { get; set; } = 10;
}

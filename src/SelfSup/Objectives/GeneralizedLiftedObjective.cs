using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The generalised lifted loss (Hermans et al. 2017, https://arxiv.org/abs/1703.07737, eq. 8), see
/// <see cref="LiftedStructure.GeneralisedLoss"/>.
/// </summary>
[Named("generalizedLifted")]
internal sealed class GeneralizedLiftedObjective(LiftedOptions options, ObjectiveContext context) : PairObjective(options, context)
{
    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        return LiftedStructure.GeneralisedLoss(
            distances, MinePairs(batch, distances), options.NegativeMargin, options.PositiveMargin).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        var pairs = MinePairs(batch, distances);
        var losses = LiftedStructure.PerAnchor(distances, pairs, options.NegativeMargin, options.PositiveMargin);
        return [.. CountsOf(pairs), ("activeAnchors", Count(losses > 0))];
    }
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Mining;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The multi-class N-pair loss (Sohn 2016) with one anchor and one positive of each class of the batch; embeddings keep their length,
/// which is regularised.
/// </summary>
[Named("nPair")]
internal sealed class NPairObjective(NPairOptions options, ObjectiveContext context)
    : MinedObjective(null, options.Normalise, context)
{
    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var (anchors, positives) = Pairs(batch);
        var (a, p) = (batch.Anchors.index_select(0, anchors), batch.References.index_select(0, positives));
        return (NPair.Loss(a, p) + (NPair.Regulariser(a, p) * options.L2)).MoveToOuterDisposeScope();
    }

    /// <summary>How many classes have a pair in the batch.</summary>
    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        return [("minedPositivePairs", Pairs(batch).Anchors.shape[0])];
    }

    private static (Tensor Anchors, Tensor Positives) Pairs(LabelledEmbeddings batch) =>
        NPair.Pairs(batch.Labels, PairMasks.Of(batch.Labels, batch.ReferenceLabels, batch.FirstSelf));
}

/// <summary>The settings of <c>nPair</c>.</summary>
internal sealed class NPairOptions
{
    /// <summary>Whether embeddings are made of unit length first; the paper does not.</summary>
    public bool Normalise { get; set; }

    /// <summary>The weight of the squared lengths.</summary>
    [Range(0.0, 1000.0)]
    public double L2 { get; set; } = 0.002;
}

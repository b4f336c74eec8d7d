using SelfSup.Mining;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>What objectives over cosines share.</summary>
internal abstract class SimilarityObjective(SimilarityOptions options, ObjectiveContext context)
    : MinedObjective(options.Miner, ofUnitVectors: true, context)
{
    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var similarities = batch.Anchors.matmul(batch.References.t());
        return Loss(similarities, MinePairs(batch, 1 - similarities.detach())).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var similarities = batch.Anchors.matmul(batch.References.t());
        var pairs = MinePairs(batch, 1 - similarities);
        return [.. CountsOf(pairs), .. Facts(similarities, pairs)];
    }

    /// <summary>The loss of cosines [N, M] over the pairs that count.</summary>
    protected abstract Tensor Loss(Tensor similarities, PairMasks pairs);

    /// <summary>What else there is to report of them.</summary>
    protected virtual IEnumerable<(string Name, double Value)> Facts(Tensor similarities, PairMasks pairs) => [];
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// ListNet (Cao et al. 2007, https://doi.org/10.1145/1273496.1273513) over an anchor's candidates: the softmax of their nearness is to be
/// that of their scores.
/// </summary>
[Named("listNet")]
internal sealed class TupleListNet(TupleListNetOptions options, ObjectiveContext context) : TupleRanking(options, context)
{
    /// <inheritdoc/>
    public override void Require(TupleList list)
    {
        if (list.PerTuple == 1 || !list.HasScores || list.HasNegatives)
        {
            throw new RecipeException(
                "data.pairs: must list scores, with candidates of at least 2 and no negatives, for loss listNet; has "
                + $"{(list.HasNegatives ? "negatives" : list.HasScores ? "scores" : "no scores")} and candidates: {list.PerTuple}");
        }
    }

    /// <inheritdoc/>
    public override Tensor Loss(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var nearness = Nearness(batch, encoder) * options.Scale;
        return ListNet.Loss(nearness, batch.Scores.to(nearness.dtype)).MoveToOuterDisposeScope();
    }
}

/// <summary>The settings of <c>listNet</c>.</summary>
internal sealed class TupleListNetOptions : TupleRankingOptions
{
    /// <summary>Times every nearness, before the softmax: unit vectors would otherwise never be as sure as scores are.</summary>
    [Range(0.0, 1e6, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 1;
}

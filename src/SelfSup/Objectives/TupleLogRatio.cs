using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The log-ratio loss over an anchor's candidates (Kim et al. 2019, https://arxiv.org/abs/1904.09626): their distances from it are to be
/// in the ratios of the scores, which are distances here, not similarities.
/// </summary>
[Named("logRatio")]
internal sealed class TupleLogRatio : TupleObjective
{
    private readonly TupleLogRatioOptions _options;

    public TupleLogRatio(TupleLogRatioOptions options, ObjectiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _options = options;
    }

    /// <inheritdoc/>
    public override bool OfUnitVectors => _options.Normalise;

    /// <inheritdoc/>
    public override void Require(TupleList list)
    {
        if (list.PerTuple == 1 || !list.HasScores || list.HasNegatives)
        {
            throw new RecipeException(
                "data.pairs: must list scores, with candidates of at least 2 and no negatives, for loss logRatio; has "
                + $"{(list.HasNegatives ? "negatives" : list.HasScores ? "scores" : "no scores")} and candidates: {list.PerTuple}");
        }

        for (var row = 0; row < list.Rows; row++)
        {
            if (list.Score(row) < 0)
            {
                throw new RecipeException(
                    $"data.pairs: the score of row {row} (from 0) is {list.Score(row)}, for loss logRatio scores are distances and must be at least 0; "
                    + "correct them or choose another loss");
            }
        }
    }

    /// <inheritdoc/>
    public override Tensor Loss(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var squares = (batch.Anchors.unsqueeze(1) - batch.Candidates).square().sum(dim: 2); // [T, C]
        var scores = batch.Scores.square();
        var counted = ones_like(squares, dtype: @bool);
        return (_options.Convention == LogRatioConvention.Paper
            ? LogRatio.Paper(squares, scores, counted)
            : LogRatio.Authors(squares, scores, counted, batch.Anchors.shape[1])).MoveToOuterDisposeScope();
    }
}

/// <summary>The settings of <c>logRatio</c>.</summary>
internal sealed class TupleLogRatioOptions
{
    /// <summary>Whether the loss is as the authors' code has it, or as the paper does, where candidates at distance 0 do not count.</summary>
    public LogRatioConvention Convention { get; set; } = LogRatioConvention.Authors;

    /// <summary>Whether embeddings are made of unit length first; the paper does not.</summary>
    public bool Normalise { get; set; }
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.Errors;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The triplet loss over listed triplets (Schroff et al. 2015, https://arxiv.org/abs/1503.03832) or, where pairs are listed, over pairs
/// and what else is in the batch, as collaborative metric learning has it (Hsieh et al. 2017,
/// https://doi.org/10.1145/3038912.3052639): everything that the list does not call similar to the anchor is a negative.
/// </summary>
[Named("triplet")]
internal sealed class TupleTriplet : TupleObjective
{
    private readonly TupleTripletOptions _options;
    private readonly Distance _distance;

    public TupleTriplet(TupleTripletOptions options, ObjectiveContext context) =>
        (_options, _distance) = (options, context.Choose(options.Distance, options.Normalise));

    /// <inheritdoc/>
    public override bool OfUnitVectors => _options.Normalise;

    /// <inheritdoc/>
    public override EncoderParts? Parts => _distance.Parts;

    /// <inheritdoc/>
    public override void Require(TupleList list)
    {
        if (_options.Negatives == TupleNegatives.Listed && !list.HasNegatives)
        {
            throw new RecipeException(
                "method.loss.negatives: is listed, but data.pairs lists none; list them, or take hardest or all, which are of the batch");
        }

        if (_options.RankWeights && IsListed(list))
        {
            throw new RecipeException(
                "method.loss.rankWeights: must be false with listed negatives, which do not tell a rank; set negatives: hardest or leave it out");
        }

        if (_options.Averaging is not null && !IsListed(list))
        {
            throw new RecipeException(
                "method.loss.averaging: must not be set with negatives of the batch, over whose pairs the mean always is; leave it out, or list negatives");
        }
    }

    /// <inheritdoc/>
    public override Tensor Loss(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var similar = (batch.Scores > 0).reshape(-1).nonzero().squeeze(1); // places among T * C
        if (similar.shape[0] == 0)
        {
            return (batch.Anchors.sum() * 0).MoveToOuterDisposeScope();
        }

        var tuples = similar.div(batch.List.PerTuple, RoundingMode.floor);
        var positive = _distance.Rows(
            batch.Anchors.index_select(0, tuples), batch.Candidates.reshape(-1, batch.Anchors.shape[1]).index_select(0, similar), encoder);
        if (IsListed(batch.List))
        {
            var negative = _distance.Rows(batch.Anchors, batch.Negatives!, encoder).index_select(0, tuples);
            return TripletMargin.Rows(positive, negative, _options.Margin, averaging: _options.Averaging ?? Averaging.All).MoveToOuterDisposeScope();
        }

        return CollaborativeMetric.Loss(
            positive,
            _distance.Matrix(batch.Anchors, batch.Pool(), encoder).index_select(0, tuples),
            batch.Unlike().index_select(0, tuples),
            new CollaborativeSettings(
                _options.Margin,
                _options.Negatives != TupleNegatives.All,
                _options.RankWeights ? batch.List.DifferentCandidates : null)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var positive = _distance.Rows(batch.RepeatedAnchors(), batch.Candidates.reshape(-1, batch.Anchors.shape[1]), encoder)
            .reshape(batch.Scores.shape);
        var violations = IsListed(batch.List)
            ? (positive - _distance.Rows(batch.Anchors, batch.Negatives!, encoder).unsqueeze(1)).unsqueeze(2)
            : positive.unsqueeze(2) - _distance.Matrix(batch.Anchors, batch.Pool(), encoder)
                .masked_fill(batch.Unlike().logical_not(), double.PositiveInfinity).unsqueeze(1);
        var active = (violations + _options.Margin > 0) & (batch.Scores > 0).unsqueeze(2); // [T, C, M]
        return [("activeTriplets", active.sum().item<long>())];
    }

    private bool IsListed(TupleList list) => (_options.Negatives ?? (list.HasNegatives ? TupleNegatives.Listed : TupleNegatives.Hardest)) == TupleNegatives.Listed;
}

/// <summary>The settings of <c>triplet</c>.</summary>
internal sealed class TupleTripletOptions
{
    /// <summary>How much farther negatives should be.</summary>
    [Range(0.0, 1e6)]
    public double Margin { get; set; } = 0.5;

    /// <summary>By what is compared; the paper takes the squared Euclidean distance.</summary>
    [Required]
    [ChosenFrom(typeof(Distance))]
    public Choice Distance { get; set; } = new("squaredEuclidean", new NoOptions());

    /// <summary>Which negatives a pair has; by default those of the list, or the nearest of the batch where it has none.</summary>
    public TupleNegatives? Negatives { get; set; }

    /// <summary>
    /// Whether a pair counts log(1 + rank), where rank is about where the positive would stand among all listed candidates (WARP).
    /// </summary>
    public bool RankWeights { get; set; }

    /// <summary>
    /// Over which listed triplets the loss is averaged: all, which is the default, or those that still cost something. Only with listed
    /// negatives.
    /// </summary>
    public Averaging? Averaging { get; set; }

    /// <summary>Whether embeddings are made of unit length first, which keeps them in the ball that the paper keeps them in.</summary>
    public bool Normalise { get; set; } = true;
}

/// <summary>Which negatives a listed pair has.</summary>
internal enum TupleNegatives
{
    /// <summary>The one of its row.</summary>
    Listed,

    /// <summary>The nearest image of the batch that the list does not call similar.</summary>
    Hardest,

    /// <summary>All images of the batch that the list does not call similar.</summary>
    All,
}

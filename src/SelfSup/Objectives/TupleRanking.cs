using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.Errors;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// What losses share that compare how near an anchor's candidates are with how they should rank: by their scores, a listed
/// negative after all of them. Nearness is the negative of a distance.
/// </summary>
internal abstract class TupleRanking : TupleObjective
{
    private readonly TupleRankingOptions _options;
    private readonly Distance _distance;

    protected TupleRanking(TupleRankingOptions options, ObjectiveContext context) =>
        (_options, _distance) = (options, context.Choose(options.Distance, options.Normalise));

    /// <inheritdoc/>
    public override bool OfUnitVectors => _options.Normalise;

    /// <inheritdoc/>
    public override EncoderParts? Parts => _distance.Parts;

    /// <inheritdoc/>
    public override void Require(TupleList list)
    {
        if (!list.HasNegatives && (list.PerTuple == 1 || !list.HasScores))
        {
            throw new RecipeException(
                "data.pairs: must list triplets, or scores with candidates of at least 2, for a loss that compares candidates of an anchor; has "
                + $"{(list.HasScores ? "scores" : "pairs without scores")} and candidates: {list.PerTuple}");
        }
    }

    /// <summary>How near candidates and, last, a listed negative are, [T, C] or [T, C + 1].</summary>
    protected Tensor Nearness(TupleEmbeddings batch, Encoder encoder)
    {
        var candidates = -_distance.Rows(batch.RepeatedAnchors(), batch.Candidates.reshape(-1, batch.Anchors.shape[1]), encoder)
            .reshape(batch.Scores.shape);
        return batch.Negatives is null
            ? candidates
            : cat([candidates, -_distance.Rows(batch.Anchors, batch.Negatives, encoder).unsqueeze(1)], 1);
    }

    /// <summary>The scores that they should be ranked by, of the same shape; a listed negative's is below all.</summary>
    protected static Tensor Relevance(TupleEmbeddings batch)
    {
        if (batch.Negatives is null)
        {
            return batch.Scores;
        }

        var least = batch.Scores.amin([1L], keepdim: true).clamp_max(0) - 1;
        return cat([batch.Scores, least], 1);
    }

    /// <summary>How near the two of each pair of candidates are whose scores differ, the one with the higher score first; [P] each.</summary>
    protected (Tensor Higher, Tensor Lower) Ordered(TupleEmbeddings batch, Encoder encoder)
    {
        var nearness = Nearness(batch, encoder); // [T, L]
        var relevance = Relevance(batch);
        var places = (relevance.unsqueeze(2) > relevance.unsqueeze(1)).nonzero(); // [P, 3]: tuple, higher, lower
        var flat = nearness.reshape(-1);
        var first = places.select(1, 0) * nearness.shape[1];
        return (flat.index_select(0, first + places.select(1, 1)), flat.index_select(0, first + places.select(1, 2)));
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var (higher, lower) = Ordered(batch, encoder);
        var pairs = higher.shape[0];
        return [("orderedPairs", pairs), ("rightlyOrdered", pairs == 0 ? 0 : (higher > lower).sum().item<long>() / (double)pairs)];
    }
}

/// <summary>The settings that losses of rankings share.</summary>
internal abstract class TupleRankingOptions
{
    /// <summary>By what nearness is measured, the negative of a distance; dot is the inner product of recommenders.</summary>
    [Required]
    [ChosenFrom(typeof(Distance))]
    public Choice Distance { get; set; } = new("dot", new NoOptions());

    /// <summary>Whether embeddings are made of unit length first.</summary>
    public bool Normalise { get; set; }
}

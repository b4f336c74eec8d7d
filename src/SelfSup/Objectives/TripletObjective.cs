using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The triplet loss (Schroff et al. 2015, https://arxiv.org/abs/1503.03832; soft: Hermans et al. 2017), over all triplets of a batch or
/// those that a miner chooses.
/// </summary>
[Named("triplet")]
internal sealed class TripletObjective : PairObjective
{
    private readonly TripletSettings _settings;

    public TripletObjective(TripletOptions options, ObjectiveContext context)
        : base(options, context)
    {
        _settings = new TripletSettings(options.Margin, options.Soft, options.Swap, options.Averaging);
        RequireDifference("margin", options.Margin);
        if (options.Swap && context.HasMemory)
        {
            throw SwapWithMemory();
        }
    }

    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        if (_settings.Swap && !batch.IsBatch)
        {
            throw SwapWithMemory();
        }

        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        var mined = Mine(batch, distances);
        return (mined.Triplets is { } triplets
            ? TripletMargin.Loss(distances, triplets, _settings)
            : TripletMargin.Loss(distances, mined.Pairs!, _settings)).MoveToOuterDisposeScope();
    }

    /// <summary>Triplets that violate the margin, and all that were chosen.</summary>
    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var distances = Distances(batch, encoder);
        var mined = Mine(batch, distances);
        var (active, all) = mined.Triplets is { } triplets
            ? (TripletMargin.Count(distances, triplets, _settings), triplets.Count)
            : TripletMargin.Count(distances, mined.Pairs!, _settings);
        return [("minedTriplets", all), ("activeTriplets", active)];
    }

    private static RecipeException SwapWithMemory() =>
        new("method.loss.swap: is true, must be false with a memory: it needs distances within the memory; set swap: false or memory: 0");
}

/// <summary>The settings of <c>triplet</c>.</summary>
internal sealed class TripletOptions : PairOptions
{
    /// <summary>How much farther than positives negatives should be.</summary>
    [Range(0.0, 1000.0)]
    public double Margin { get; set; } = 0.2;

    /// <summary>log(1 + exp(x)) in place of relu(x); Hermans et al. take it with a margin of 0.</summary>
    public bool Soft { get; set; }

    /// <summary>Whether a negative counts as near as it is to anchor or positive, whichever is nearer (Balntas et al. 2016).</summary>
    public bool Swap { get; set; }

    /// <summary>Whether the mean is over the triplets whose loss is not 0, or over all.</summary>
    public Averaging Averaging { get; set; } = Averaging.NonZero;
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The contrastive loss over listed pairs (Hadsell et al. 2006, https://doi.org/10.1109/CVPR.2006.100): pairs with a score above 0 come
/// near to each other, others and listed negatives go as far as the margin.
/// </summary>
[Named("contrastive")]
internal sealed class TupleContrastive : TupleObjective
{
    private readonly TupleContrastiveOptions _options;

    public TupleContrastive(TupleContrastiveOptions options, ObjectiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var most = options.Squared ? 4 : 2;
        _options = !options.Normalise || options.Margin <= most
            ? options
            : throw new RecipeException(
                $"method.loss.margin: is {options.Margin}, must be at most {most}, the largest {(options.Squared ? "squared " : "")}distance of embeddings "
                + "of unit length");
    }

    /// <inheritdoc/>
    public override bool OfUnitVectors => _options.Normalise;

    /// <inheritdoc/>
    public override Tensor Loss(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var similar = (batch.Scores > 0).reshape(-1);
        var first = batch.RepeatedAnchors();
        if (batch.Negatives is not null)
        {
            similar = cat([similar, zeros([batch.Count], dtype: @bool, device: similar.device)]);
            first = cat([first, batch.Anchors]);
        }

        return (_options.Squared
            ? SiameseContrastive.Squared(first, batch.Pool(), similar, _options.Margin)
            : SiameseContrastive.Hadsell(first, batch.Pool(), similar, _options.Margin)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(TupleEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        return [("similarPairs", (batch.Scores > 0).sum().item<long>())];
    }
}

/// <summary>The settings of <c>contrastive</c>.</summary>
internal sealed class TupleContrastiveOptions
{
    /// <summary>From which distance on unlike pairs cost nothing; a squared one with <see cref="Squared"/>.</summary>
    [Range(0.0, 1e6, MinimumIsExclusive = true)]
    public double Margin { get; set; } = 1;

    /// <summary>The classic form, relu(margin - d^2) of unlike pairs, in place of Hadsell's relu(margin - d)^2 / 2.</summary>
    public bool Squared { get; set; }

    /// <summary>Whether embeddings are made of unit length first.</summary>
    public bool Normalise { get; set; } = true;
}

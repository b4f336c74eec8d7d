using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.Errors;
using SelfSup.Mining;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>What objectives over distances share, of any distance.</summary>
internal abstract class PairObjective : MinedObjective
{
    private readonly string _name;

    protected PairObjective(PairOptions options, ObjectiveContext context)
        : base(options.Miner, options.Normalise, context)
    {
        _name = options.Distance.Name;
        Distance = context.Choose(options.Distance, options.Normalise);
    }

    /// <inheritdoc/>
    public override EncoderParts? Parts => Distance.Parts;

    /// <summary>The distance that was chosen.</summary>
    protected Distance Distance { get; }

    /// <summary>All distances, with a graph, [N, M].</summary>
    protected Tensor Distances(LabelledEmbeddings batch, Encoder encoder) => Distance.Matrix(batch.Anchors, batch.References, encoder);

    /// <summary>Refuses a margin that distances cannot have, and one at which no pair would cost anything.</summary>
    /// <param name="key">The setting.</param>
    /// <param name="margin">A distance.</param>
    /// <param name="ofPositives">Whether pairs cost by how much farther they are than it, or else by how much nearer.</param>
    protected void RequireWithin(string key, double margin, bool ofPositives)
    {
        var (least, most) = Distance.Span(OfUnitVectors);
        var (idle, kind) = ofPositives ? (most, "positive is farther") : (least, "negative is nearer");
        if (margin < least || margin > most || margin == idle)
        {
            throw new RecipeException(
                $"method.loss.{key}: is {margin}, must be from {least} to {most}, which is where {_name} distances are{Here}, and not {idle}: no "
                + $"{kind} than that, so none would cost anything");
        }
    }

    /// <summary>Refuses a difference of two distances that none can have.</summary>
    /// <param name="key">The setting.</param>
    /// <param name="margin">A difference.</param>
    protected void RequireDifference(string key, double margin)
    {
        var (least, most) = Distance.Span(OfUnitVectors);
        if (margin > most - least)
        {
            throw new RecipeException(
                $"method.loss.{key}: is {margin}, must be at most {most - least}, the largest difference of {_name} distances{Here}");
        }
    }

    private string Here => OfUnitVectors ? " of embeddings of unit length" : "";
}

/// <summary>The settings that objectives over distances share.</summary>
internal abstract class PairOptions
{
    /// <summary>By what pairs are compared.</summary>
    [Required]
    [ChosenFrom(typeof(Distance))]
    public Choice Distance { get; set; } = new("euclidean", new NoOptions());

    /// <summary>Which pairs or triplets count; none for all.</summary>
    [ChosenFrom(typeof(IMiner))]
    public Choice? Miner { get; set; }

    /// <summary>Whether embeddings are made of unit length first.</summary>
    public bool Normalise { get; set; } = true;
}

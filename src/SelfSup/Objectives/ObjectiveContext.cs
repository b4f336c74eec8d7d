using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.Errors;

namespace SelfSup.Objectives;

/// <summary>What a run gives to its objective.</summary>
/// <param name="Classes">K, classes that the training images are of.</param>
/// <param name="Seed">The run's seed.</param>
public sealed record ObjectiveContext(int Classes, ulong Seed)
{
    /// <summary>The numbers that classes stand for, K of them, where their names are numbers; else null.</summary>
    public IReadOnlyList<double>? ClassValues { get; init; }

    /// <summary>V, numbers that belong to each image; 0 where the recipe names none.</summary>
    public int ValuesPerImage { get; init; }

    /// <summary>Whether batches are compared with a memory too, now or from some step on.</summary>
    public bool HasMemory { get; init; }

    /// <summary>What its own choices, distance and miner, are made from.</summary>
    internal CatalogSet Catalogs { get; init; } = new(typeof(Objective).Assembly);

    /// <summary>Makes the distance that was chosen.</summary>
    /// <param name="choice">Its name and options.</param>
    /// <param name="normalise">Whether embeddings are made of unit length.</param>
    /// <exception cref="RecipeException">It is of unit vectors, and embeddings are not made such.</exception>
    internal Distance Choose(Choice choice, bool normalise)
    {
        var chosen = Catalogs.Create<Distance>(choice);
        return !chosen.OfUnitVectors || normalise
            ? chosen
            : throw new RecipeException(
                $"method.loss.normalise: is false, must be true: distance {choice.Name} is of embeddings of unit length; or choose another distance");
    }
}

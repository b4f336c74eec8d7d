using SelfSup.Catalogs;

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
}

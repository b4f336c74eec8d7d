using System.ComponentModel.DataAnnotations;

namespace SelfSup.Search;

/// <summary>Settings of <see cref="DuplicatePairs"/>.</summary>
internal sealed class DuplicateOptions
{
    /// <summary>The lowest cosine of near-duplicates.</summary>
    [Range(-1.0, 1.0)]
    public double Threshold { get; set; } = 0.95;

    /// <summary>Whether cosines are of what is left of embeddings without their mean.</summary>
    public bool Centre { get; set; }

    /// <summary>More pairs than this are an error.</summary>
    [Range(1, 100_000_000)]
    public int MostPairs { get; set; } = 1_000_000;

    /// <summary>Rows in memory at once; 256 MB where not set.</summary>
    public long? BlockRows { get; set; }
}

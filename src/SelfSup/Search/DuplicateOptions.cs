using System.ComponentModel.DataAnnotations;

namespace SelfSup.Search;

/// <summary>Settings of <see cref="DuplicatePairs"/>.</summary>
internal sealed class DuplicateOptions
{
    /// <summary>
    /// The lowest similarity of near-duplicates. The default, with <see cref="IsWhitened"/>, finds 49 of 50 rescaled, recompressed or
    /// cropped copies of 150 photographs and takes nothing else for one, with a network for images of 32 pixels.
    /// </summary>
    [Range(-1.0, 1.0)]
    public double Threshold { get; set; } = 0.8;

    /// <summary>Whether cosines are of whitened embeddings, see <see cref="Whitening"/>; otherwise of embeddings as they are.</summary>
    public bool IsWhitened { get; set; } = true;

    /// <summary>More pairs than this are an error.</summary>
    [Range(1, 100_000_000)]
    public int MostPairs { get; set; } = 1_000_000;

    /// <summary>Rows in memory at once; 256 MB where not set.</summary>
    public long? BlockRows { get; set; }
}

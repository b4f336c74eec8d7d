using System.ComponentModel.DataAnnotations;

using SelfSup.Evaluation;
using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>Settings of <see cref="EmbeddingMaker"/>.</summary>
internal sealed class EmbedOptions
{
    /// <summary>The largest number of <see cref="Views"/>.</summary>
    public const int MostViews = 256;

    /// <summary>The images, and what happens to those that cannot be read.</summary>
    public ImageSourceOptions Source { get; set; } = new();

    /// <summary>The file to be made, or the name that the files of a larger set are derived from.</summary>
    [Required]
    public string Output { get; set; } = "";

    /// <summary>What of the encoder.</summary>
    public Representation Of { get; set; }

    /// <summary>Whether features are brought to unit length, as embeddings of the head always are.</summary>
    public bool Normalize { get; set; }

    /// <summary>Whether numbers are written as float16.</summary>
    public bool IsHalf { get; set; }

    /// <summary>Views of an image of which its embedding is the mean.</summary>
    [Range(1, MostViews)]
    public int Views { get; set; } = 1;

    /// <summary>Views in the network at once.</summary>
    [Range(1, 65_536)]
    public int BatchSize { get; set; } = 256;

    /// <summary>Another file begins after so many rows.</summary>
    [Range(1, int.MaxValue)]
    public int ShardRows { get; set; } = 1_000_000;

    /// <summary>Threads that read and decode; what is written does not depend on their number.</summary>
    [Range(1, 1024)]
    public int Workers { get; set; } = 1;

    /// <summary>Whether files that are there are replaced, and an interruption that does not fit is dropped.</summary>
    public bool Overwrite { get; set; }
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Settings of <see cref="DatasetPacker"/>.</summary>
internal sealed class PackOptions
{
    /// <summary>The images, and what happens to those that cannot be read.</summary>
    public ImageSourceOptions Source { get; set; } = new();

    /// <summary>The file to be made, or the name that the files of a larger data set are derived from.</summary>
    [Required]
    public string Output { get; set; } = "";

    /// <summary>
    /// Images whose short side is longer are brought to it and encoded again; all bytes are kept where not set.
    /// </summary>
    [Range(1, 16_384)]
    public int? ShortSide { get; set; }

    /// <summary>The JPEG quality of images that are encoded again.</summary>
    [Range(1, 100)]
    public int Quality { get; set; } = 92;

    /// <summary>No file gets larger than this many megabytes (2^20 bytes), unless a single image is.</summary>
    [Range(1, 1 << 20)]
    public int ShardMegabytes { get; set; } = 512;

    [EnumDataType(typeof(PackOrder))]
    public PackOrder Order { get; set; } = PackOrder.Shuffled;

    /// <summary>Threads that decode and encode; what is written does not depend on their number.</summary>
    [Range(1, 1024)]
    public int Workers { get; set; } = Environment.ProcessorCount;

    /// <summary>Whether files that are there are replaced, and an interrupted pack that does not fit is dropped.</summary>
    public bool Overwrite { get; set; }
}

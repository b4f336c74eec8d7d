using System.ComponentModel.DataAnnotations;

namespace SelfSup.Images;

/// <summary>
/// Which images are read, and how: the recipe's <c>data</c>, and the parts of it that an evaluation names.
/// </summary>
internal class ImageSourceOptions
{
    /// <summary>
    /// A folder of images; a Parquet file, a folder of them or a pattern such as <c>data/train-*.parquet</c>; or the
    /// images file of an IDX pair. Files may move: what they are is written down beside the recipe.
    /// </summary>
    [DoesNotChangeTraining]
    [Required]
    [PathSetting]
    public string Path { get; set; } = "";

    /// <summary>Only the first so many images are used; all where not set.</summary>
    [Range(1, int.MaxValue)]
    public int? Limit { get; set; }

    /// <summary>
    /// What happens when an image is damaged, too large or null. A file that cannot be read ends the run in any case.
    /// </summary>
    [EnumDataType(typeof(OnUnreadable))]
    public OnUnreadable OnUnreadable { get; set; } = OnUnreadable.Fail;

    /// <summary>Images with more pixels than this are refused before memory for them is taken.</summary>
    [Range(1.0, ImageDecoder.MostPixels)]
    public long MaxPixels { get; set; } = 100_000_000;

    /// <summary>
    /// Memory for row groups of Parquet files that are kept for further reads, in megabytes (2^20 bytes), with what is
    /// spare between them.
    /// </summary>
    [Range(1, 1 << 24)]
    public int CacheMegabytes { get; set; } = 1024;

    /// <summary>
    /// Memory for images of at most 128 x 128 pixels that are kept decoded, so that they are decoded once and not in every
    /// epoch, in megabytes; 0 to keep none.
    /// </summary>
    [DoesNotChangeTraining]
    [Range(0, 1 << 24)]
    public int DecodedCacheMegabytes { get; set; } = 1024;

    /// <summary>
    /// The Parquet column with the images. Where not set: <c>image</c>, then <c>img</c>, then the only one that fits.
    /// </summary>
    public string? ImageColumn { get; set; }

    /// <summary>The Parquet column with the labels, integers from 0. Where not set: <c>label</c>, if it fits.</summary>
    public string? LabelColumn { get; set; }
}

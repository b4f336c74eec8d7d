using System.ComponentModel.DataAnnotations;

namespace SelfSup.Images;

/// <summary>
/// Which images are read, and how: the recipe's <c>data</c>, and the parts of it that an evaluation names.
/// </summary>
internal class ImageSourceOptions : IValidatableObject
{
    /// <summary>
    /// A folder of images; a Parquet file, a folder of them or a pattern such as <c>data/train-*.parquet</c>; or the
    /// images file of an IDX pair. Files may move: what they are is written down beside the recipe.
    /// </summary>
    [DoesNotChangeTraining]
    [Required]
    [PathSetting]
    public string Path { get; set; } = "";

    /// <summary>
    /// Only the first so many images are used; all where not set. It counts all images: <see cref="Classes"/> and
    /// <see cref="Labels"/> choose among those.
    /// </summary>
    [Range(1, int.MaxValue)]
    public int? Limit { get; set; }

    /// <summary>
    /// Only images of these classes are used, by name, or by number from 0 where no class is called by a number; all where not set. Other
    /// classes do not count as classes then.
    /// </summary>
    public string[]? Classes { get; set; }

    /// <summary>Images of these classes are left out.</summary>
    public string[]? ExceptClasses { get; set; }

    /// <summary>Only a few of the labelled images are used, of each class that is left; all where not set.</summary>
    public LabelOptions? Labels { get; set; }

    /// <summary>
    /// What happens when an image is damaged, too large or null. A file that cannot be read ends the run in any case.
    /// </summary>
    [EnumDataType(typeof(OnUnreadable))]
    public OnUnreadable OnUnreadable { get; set; } = OnUnreadable.Fail;

    /// <summary>Images with more pixels than this are refused before memory for them is taken.</summary>
    [Range(1.0, ImageDecoder.MostPixels)]
    public long MaxPixels { get; set; } = 100_000_000;

    /// <summary>What decodes files: where not set, our own decoder and SkiaSharp. <c>imageSharp</c> needs a build that has it, and
    /// gives other pixels.</summary>
    [EnumDataType(typeof(ImageLibrary))]
    public ImageLibrary? Decoder { get; set; }

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

    /// <inheritdoc/>
    public virtual IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Decoder is { } decoder && !ImageLibraries.Has(decoder))
        {
            yield return new ValidationResult(ImageLibraries.NoImageSharp, [nameof(Decoder)]);
        }

        if (Classes is not null && ExceptClasses is not null)
        {
            yield return new ValidationResult("must not be set where classes is, which leaves out all others; leave out one of the two", [nameof(ExceptClasses)]);
        }

        if (Classes is [])
        {
            yield return new ValidationResult("must name at least one class, names none; leave it out for all", [nameof(Classes)]);
        }
    }
}

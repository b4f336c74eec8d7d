using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Evaluation;

/// <summary>Images with labels, to learn from or to be classified; or images that are only looked up.</summary>
internal sealed class LabelledImages
{
    /// <param name="images">The images; not owned.</param>
    /// <param name="options">How they are read.</param>
    /// <param name="setting">Which setting named them, for messages.</param>
    /// <param name="cache">Keeps them decoded; where not given, a cache of their own does.</param>
    /// <param name="needLabels">Whether they are useless without labels.</param>
    /// <exception cref="DataException">They have no labels and need them.</exception>
    public LabelledImages(
        IImageSource images, ImageSourceOptions options, string setting, DecodedCache? cache = null, bool needLabels = true)
    {
        if (needLabels && images.ClassNames.Count == 0)
        {
            throw new DataException(
                $"{options.Path}: has no labels, {setting} needs them; name class folders or a Parquet file with a label column");
        }

        (Images, Options) = (images, options);
        Cache = cache ?? new DecodedCache(images.Count, options.DecodedCacheMegabytes * (1L << 20));
    }

    /// <summary>The images.</summary>
    public IImageSource Images { get; }

    /// <summary>Whether they have labels.</summary>
    public bool HasLabels => Images.ClassNames.Count > 0;

    /// <summary>The labels of all, those included that may turn out to be unreadable.</summary>
    public LabelSet Labels => new(
        Options.Path,
        [.. Enumerable.Range(0, Images.Count).Select(index => (long)Images.Label(index))],
        HasLabels ? Images.ClassNames : null);

    /// <summary>How they are read.</summary>
    public ImageSourceOptions Options { get; }

    /// <summary>Keeps small ones in decoded form.</summary>
    public DecodedCache Cache { get; }

    /// <summary>Those that were left out because they could not be read.</summary>
    public UnreadableImages Unreadable { get; } = new();
}

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Search;

/// <summary>The images that embeddings were made of, found again.</summary>
internal sealed class EmbeddedImages : IDisposable
{
    private readonly Func<EmbeddedImage, int> _indexOf;

    private EmbeddedImages(IImageSource source, Func<EmbeddedImage, int> indexOf, long maxPixels) =>
        (Source, _indexOf, MaxPixels) = (source, indexOf, maxPixels);

    /// <summary>The images.</summary>
    public IImageSource Source { get; }

    /// <summary>The largest image that is decoded.</summary>
    public long MaxPixels { get; }

    /// <summary>Opens them.</summary>
    /// <param name="facts">What the file of embeddings says; null where it says nothing.</param>
    /// <param name="path">Where the images are now; null for where they were.</param>
    /// <exception cref="RecipeException">Nothing says where they are.</exception>
    /// <exception cref="DataException">They are not there, or others.</exception>
    public static EmbeddedImages Open(EmbeddingFacts? facts, string? path)
    {
        var options = new ImageSourceOptions
        {
            Path = path ?? facts?.Images ?? throw new RecipeException(
                "--images: is needed, as the file of embeddings does not say of which images they are; name them"),
            ImageColumn = facts?.ImageColumn,
            LabelColumn = facts?.LabelColumn,
        };
        options.MaxPixels = facts?.MaxPixels ?? options.MaxPixels;
        var source = ImageSources.Open(options);
        try
        {
            if (facts is not null && source.Files.Fingerprint() != facts.Fingerprint && source.Files.Folder is null)
            {
                throw new DataException(
                    $"{options.Path}: are other images than those that were embedded (then at {facts.Images}), by whose rows they are found; say by --images where those are");
            }

            return new EmbeddedImages(source, source.Files.Folder is null ? ById : ByPath(source), options.MaxPixels);
        }
        catch
        {
            source.Dispose();
            throw;
        }

        int ById(EmbeddedImage image) => image.Id >= 0 && image.Id < source.Count ? (int)image.Id : -1;
    }

    /// <summary>The index of an image; -1 where it is not there any more.</summary>
    public int IndexOf(EmbeddedImage image) => _indexOf(image);

    /// <inheritdoc/>
    public void Dispose() => Source.Dispose();

    /// <summary>A folder may have got other images since: those that it still has are found by name.</summary>
    private static Func<EmbeddedImage, int> ByPath(IImageSource source)
    {
        var places = new Dictionary<string, int>(source.Count, StringComparer.Ordinal);
        for (var index = 0; index < source.Count; index++)
        {
            places[source.Name(index)] = index;
        }

        return image => image.Path is { } path ? places.GetValueOrDefault(path, -1) : -1;
    }
}

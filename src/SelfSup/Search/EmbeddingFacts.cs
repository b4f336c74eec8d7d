using System.Globalization;

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Tensors;

namespace SelfSup.Search;

/// <summary>What a file says of its embeddings: what made them, of which images, and how.</summary>
internal sealed record EmbeddingFacts
{
    /// <summary>The key of <see cref="Fingerprint"/>.</summary>
    public const string FingerprintKey = "selfsup.imagesFingerprint";

    private const string WeightsKey = "selfsup.weights";
    private const string ModelKey = "selfsup.model";
    private const string OfKey = "selfsup.of";
    private const string DimensionKey = "selfsup.dimension";
    private const string UnitLengthKey = "selfsup.unitLength";
    private const string ViewsKey = "selfsup.views";
    private const string PrecisionKey = "selfsup.precision";
    private const string ImagesKey = "selfsup.images";
    private const string ImageColumnKey = "selfsup.imageColumn";
    private const string LabelColumnKey = "selfsup.labelColumn";
    private const string MaxPixelsKey = "selfsup.maxPixels";

    /// <summary>What made them.</summary>
    public required EmbeddingNetwork Network { get; init; }

    /// <summary>Features or embeddings of the head.</summary>
    public required Representation Of { get; init; }

    /// <summary>D.</summary>
    public required int Dimension { get; init; }

    /// <summary>Whether each has unit length.</summary>
    public required bool UnitLength { get; init; }

    /// <summary>Views of an image of which each is the mean.</summary>
    public required int Views { get; init; }

    /// <summary>What the network computed in.</summary>
    public required Precision Precision { get; init; }

    /// <summary>Where the images were.</summary>
    public required string Images { get; init; }

    /// <summary>See <see cref="SelfSup.Images.ImageSourceOptions.ImageColumn"/>.</summary>
    public string? ImageColumn { get; init; }

    /// <summary>See <see cref="SelfSup.Images.ImageSourceOptions.LabelColumn"/>.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>See <see cref="SelfSup.Images.ImageSourceOptions.MaxPixels"/>.</summary>
    public required long MaxPixels { get; init; }

    /// <summary>Of the images' files, see <see cref="SelfSup.Images.SourceFiles.Fingerprint"/>.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>All of it as text by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string>(Network.Card)
        {
            [WeightsKey] = Network.Weights,
            [ModelKey] = Network.Model,
            [OfKey] = Of == Representation.Features ? "features" : "embeddings",
            [DimensionKey] = Text(Dimension),
            [UnitLengthKey] = UnitLength ? "true" : "false",
            [ViewsKey] = Text(Views),
            [PrecisionKey] = Precision.ToString().ToLowerInvariant(),
            [ImagesKey] = Images,
            [MaxPixelsKey] = MaxPixels.ToString(CultureInfo.InvariantCulture),
            [FingerprintKey] = Fingerprint,
        };
        foreach (var (key, column) in new[] { (ImageColumnKey, ImageColumn), (LabelColumnKey, LabelColumn) })
        {
            if (column is not null)
            {
                metadata[key] = column;
            }
        }

        return metadata;
    }

    /// <summary>In what it cannot be compared with others, or is of other images; null where it can and is not.</summary>
    public string? DifferenceTo(EmbeddingFacts? other) =>
        Network.Weights != other?.Network.Weights ? "another network"
        : Of != other.Of ? Of == Representation.Features ? "features of the backbone" : "embeddings of the head"
        : Views != other.Views ? $"{Text(Views)} views of each image"
        : UnitLength != other.UnitLength ? UnitLength ? "unit length" : "any length"
        : Fingerprint != other.Fingerprint ? "other images"
        : null;

    /// <summary>What a file's metadata says; null where it says nothing of it, as after another program has written the file anew.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="DataException">It says what cannot be.</exception>
    public static EmbeddingFacts? Read(IReadOnlyDictionary<string, string> metadata, string path)
    {
        return !metadata.TryGetValue(WeightsKey, out var weights) ? null : new EmbeddingFacts
        {
            Network = new EmbeddingNetwork(metadata, weights, metadata.GetValueOrDefault(ModelKey, "")),
            Of = metadata.GetValueOrDefault(OfKey) == "embeddings" ? Representation.Embeddings : Representation.Features,
            Dimension = (int)Number(DimensionKey, int.MaxValue),
            UnitLength = metadata.GetValueOrDefault(UnitLengthKey) == "true",
            Views = (int)Number(ViewsKey, EmbedOptions.MostViews),
            Precision = Enum.TryParse<Precision>(metadata.GetValueOrDefault(PrecisionKey), ignoreCase: true, out var precision) && Enum.IsDefined(precision)
                ? precision
                : throw Wrong(PrecisionKey, "float32, bfloat16 or tf32"),
            Images = metadata.GetValueOrDefault(ImagesKey, ""),
            ImageColumn = metadata.GetValueOrDefault(ImageColumnKey),
            LabelColumn = metadata.GetValueOrDefault(LabelColumnKey),
            MaxPixels = Number(MaxPixelsKey, ImageDecoder.MostPixels),
            Fingerprint = metadata.GetValueOrDefault(FingerprintKey, ""),
        };

        long Number(string key, long most) =>
            long.TryParse(metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
                ? number
                : throw Wrong(key, string.Create(CultureInfo.InvariantCulture, $"a whole number from 1 to {most:N0}"));

        DataException Wrong(string key, string must) => new(
            $"{path}: '{key}' in its metadata is {(metadata.TryGetValue(key, out var text) ? $"'{ShownText.Of(text)}'" : "missing")}, must be {must}; embed the images anew");
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}

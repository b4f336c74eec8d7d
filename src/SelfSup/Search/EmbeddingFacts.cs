using System.Globalization;

using SelfSup.Evaluation;

namespace SelfSup.Search;

/// <summary>What a file says of its embeddings: what made them, of which images, and how.</summary>
internal sealed record EmbeddingFacts
{
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
    private const string FingerprintKey = "selfsup.imagesFingerprint";

    /// <summary>What exports say of the network, see <see cref="Export.ModelCard.Metadata"/>.</summary>
    public required IReadOnlyDictionary<string, string> Card { get; init; }

    /// <summary>A hash of the weights, by which another network is told from this one.</summary>
    public required string Weights { get; init; }

    /// <summary>Where the network was.</summary>
    public required string Model { get; init; }

    /// <summary>Features or embeddings of the head.</summary>
    public required Representation Of { get; init; }

    /// <summary>D.</summary>
    public required int Dimension { get; init; }

    /// <summary>Whether each has unit length.</summary>
    public required bool UnitLength { get; init; }

    /// <summary>Views of an image of which each is the mean.</summary>
    public required int Views { get; init; }

    /// <summary>What the network computed in.</summary>
    public required string Precision { get; init; }

    /// <summary>Where the images were.</summary>
    public required string Images { get; init; }

    /// <summary>See <see cref="SelfSup.Images.ImageSourceOptions.ImageColumn"/>.</summary>
    public string? ImageColumn { get; init; }

    /// <summary>See <see cref="SelfSup.Images.ImageSourceOptions.LabelColumn"/>.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>Of the images' files, see <see cref="SelfSup.Images.SourceFiles.Fingerprint"/>.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>All of it as text by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string>(Card)
        {
            [WeightsKey] = Weights,
            [ModelKey] = Model,
            [OfKey] = Of == Representation.Features ? "features" : "embeddings",
            [DimensionKey] = Text(Dimension),
            [UnitLengthKey] = UnitLength ? "true" : "false",
            [ViewsKey] = Text(Views),
            [PrecisionKey] = Precision,
            [ImagesKey] = Images,
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

    /// <summary>What a file's metadata says; null where it says nothing of it, as after another program has written the file anew.</summary>
    public static EmbeddingFacts? Read(IReadOnlyDictionary<string, string> metadata)
    {
        return metadata.TryGetValue(WeightsKey, out var weights)
            && int.TryParse(metadata.GetValueOrDefault(DimensionKey), NumberStyles.None, CultureInfo.InvariantCulture, out var dimension)
            && int.TryParse(metadata.GetValueOrDefault(ViewsKey), NumberStyles.None, CultureInfo.InvariantCulture, out var views)
            ? new EmbeddingFacts
            {
                Card = metadata,
                Weights = weights,
                Model = metadata.GetValueOrDefault(ModelKey, ""),
                Of = metadata.GetValueOrDefault(OfKey) == "embeddings" ? Representation.Embeddings : Representation.Features,
                Dimension = dimension,
                UnitLength = metadata.GetValueOrDefault(UnitLengthKey) == "true",
                Views = views,
                Precision = metadata.GetValueOrDefault(PrecisionKey, ""),
                Images = metadata.GetValueOrDefault(ImagesKey, ""),
                ImageColumn = metadata.GetValueOrDefault(ImageColumnKey),
                LabelColumn = metadata.GetValueOrDefault(LabelColumnKey),
                Fingerprint = metadata.GetValueOrDefault(FingerprintKey, ""),
            }
            : null;
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}

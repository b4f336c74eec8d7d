using System.Globalization;
using System.Text.Json;

using SelfSup.Errors;

namespace SelfSup.Export;

/// <summary>What an export says of the network in it: how it was trained, and how images must be prepared for it.</summary>
internal sealed record ModelCard
{
    /// <summary>The metadata key of <see cref="Recipe"/>.</summary>
    public const string RecipeKey = "selfsup.recipe";

    /// <summary>The metadata key of <see cref="RecipeHash"/>.</summary>
    public const string RecipeHashKey = "selfsup.recipeHash";

    /// <summary>The metadata key of what of a network a file holds.</summary>
    public const string PartKey = "selfsup.part";

    /// <summary>The metadata key of <see cref="Classes"/>.</summary>
    public const string ClassesKey = "selfsup.classes";

    /// <summary>The metadata key of <see cref="Epochs"/>.</summary>
    public const string EpochsKey = "selfsup.epochs";

    /// <summary>The resolved recipe, YAML.</summary>
    public required string Recipe { get; init; }

    /// <summary>The hash of the settings that changed what was trained; empty where it is not known.</summary>
    public required string RecipeHash { get; init; }

    /// <summary>The method's name.</summary>
    public required string Method { get; init; }

    /// <summary>The backbone's name, such as <c>resnet18</c>.</summary>
    public required string Backbone { get; init; }

    /// <summary>Epochs done; null where that is not known.</summary>
    public double? Epochs { get; init; }

    /// <summary>S, the side in pixels of the square view that it was judged by.</summary>
    public required int ImageSize { get; init; }

    /// <summary>
    /// How an image becomes that view, before it is normalised: a JSON list of steps in order, such as
    /// <c>[{"resize":{"size":256,"interpolation":"bilinear","antialias":true}},{"centerCrop":{"size":224}}]</c>; empty where it is not known.
    /// </summary>
    public string View { get; init; } = "";

    /// <summary>What is subtracted of R, G, B in 0 to 1; empty where images are not normalised.</summary>
    public required IReadOnlyList<double> Mean { get; init; }

    /// <summary>What R, G, B are divided by after that; empty where images are not normalised.</summary>
    public required IReadOnlyList<double> StandardDeviation { get; init; }

    /// <summary>The names of the classes that a classifier was trained for, in the order of its outputs; empty where there is none or they are not known.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>The version of SelfSup.</summary>
    public required string Version { get; init; }

    /// <summary>It as text by name, as safetensors, ONNX and Parquet files have it beside their content.</summary>
    public Dictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string>
        {
            [RecipeKey] = Recipe,
            [RecipeHashKey] = RecipeHash,
            ["selfsup.method"] = Method,
            ["selfsup.backbone"] = Backbone,
            ["selfsup.imageSize"] = ImageSize.ToString(CultureInfo.InvariantCulture),
            ["selfsup.version"] = Version,
        };
        if (Epochs is { } epochs)
        {
            metadata[EpochsKey] = epochs.ToString(CultureInfo.InvariantCulture);
        }

        if (Classes.Count > 0)
        {
            metadata[ClassesKey] = JsonSerializer.Serialize(Classes);
        }

        if (View.Length > 0)
        {
            metadata["selfsup.view"] = View;
        }

        if (Mean.Count > 0)
        {
            metadata["selfsup.normalizeMean"] = List(Mean);
            metadata["selfsup.normalizeStandardDeviation"] = List(StandardDeviation);
        }

        return metadata;
    }

    /// <summary>The classes that a file's metadata names; none where it names none.</summary>
    /// <exception cref="CheckpointException">They are no list of texts.</exception>
    public static IReadOnlyList<string> ClassesOf(IReadOnlyDictionary<string, string> metadata, string path)
    {
        try
        {
            return metadata.TryGetValue(ClassesKey, out var classes) ? JsonSerializer.Deserialize<string[]>(classes) ?? [] : [];
        }
        catch (JsonException)
        {
            throw new CheckpointException($"{path}: '{ClassesKey}' in its metadata must be a JSON list of names; take the file as it was exported");
        }
    }

    private static string List(IEnumerable<double> values) =>
        string.Join(", ", values.Select(value => value.ToString(CultureInfo.InvariantCulture)));
}

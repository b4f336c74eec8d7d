using System.Text.Json;
using System.Text.Json.Serialization;

using SelfSup.Errors;

namespace SelfSup.Checkpoints;

/// <summary>What a checkpoint says of itself, in <c>manifest.json</c>, which is written last.</summary>
internal sealed record CheckpointManifest
{
    /// <summary>
    /// The newest version of this layout that this program knows. 1 had no checksum of its own and SHA-256 of its files; 3 has parts
    /// of several ranks.
    /// </summary>
    public const int CurrentSchema = 3;

    /// <summary>The version that it writes where there are no such parts, which versions that know 2 can read.</summary>
    private const int SchemaOfOneState = 2;

    /// <summary>Its file in the checkpoint's folder.</summary>
    public const string FileName = "manifest.json";

    // Of classes and evaluations by the ten thousand.
    private const int LargestFile = 64 << 20;

    /// <summary>The version of the layout.</summary>
    public int Schema { get; init; } = SchemaOfOneState;

    /// <summary>Optimizer steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Steps of the whole run; 0 in checkpoints of the first layout.</summary>
    public long TotalSteps { get; init; }

    /// <summary>Epochs done, with the part of the current one.</summary>
    public required double Epoch { get; init; }

    /// <summary>Steps of an epoch; 0 in checkpoints of the first layout.</summary>
    public long StepsPerEpoch { get; init; }

    /// <summary>When it was written.</summary>
    public required DateTimeOffset Written { get; init; }

    /// <summary>A hash of <see cref="Recipe"/>.</summary>
    public required string RecipeHash { get; init; }

    /// <summary>Every setting that changes what is trained.</summary>
    public required IReadOnlyDictionary<string, string> Recipe { get; init; }

    /// <summary>Seconds of training so far, over all resumes, without evaluations.</summary>
    public required double TrainingSeconds { get; init; }

    /// <summary>Seconds of the run so far, over all resumes.</summary>
    public required double Seconds { get; init; }

    /// <summary>The last loss; null before the first step.</summary>
    public double? Loss { get; init; }

    /// <summary>Every evaluation so far.</summary>
    public required IReadOnlyList<EvaluationRecord> Evaluations { get; init; }

    /// <summary>What the run's health is judged by; null in checkpoints of versions that did not save it.</summary>
    public HealthState? Health { get; init; }

    /// <summary>CPU threads of the network, on which bits depend.</summary>
    public required int Threads { get; init; }

    /// <summary>What else bits depend on: processor, device.</summary>
    public IReadOnlyDictionary<string, string> Machine { get; init; } = new Dictionary<string, string>();

    /// <summary>What the files of each image source were, by the setting that names it.</summary>
    public IReadOnlyDictionary<string, JsonElement> Data { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The classes that are learned, in the order of their labels; null in runs without labels and of older versions.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>What wrote it.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>Where it was written.</summary>
    public required string Host { get; init; }

    /// <summary>How many ranks wrote it; null for one.</summary>
    public int? Ranks { get; init; }

    /// <summary>The files beside this one: the state, then the ranks' parts in their order, where there are any.</summary>
    public IReadOnlyList<CheckpointFile> Files { get; init; } = [];

    /// <summary>XXH128 of this file with zeros in the checksum's place.</summary>
    [JsonPropertyOrder(int.MaxValue)]
    public string? Checksum { get; init; }

    /// <summary>What differs from a recipe's settings.</summary>
    public IReadOnlyList<SettingChange> DifferencesTo(IReadOnlyDictionary<string, string> now) =>
        [.. from key in Recipe.Keys.Union(now.Keys).Order(StringComparer.Ordinal)
            let was = Recipe.GetValueOrDefault(key, SettingChange.NotSet)
            let become = now.GetValueOrDefault(key, SettingChange.NotSet)
            where was != become
            select new SettingChange(key, was, become)];

    /// <summary>The same of a checkpoint with these files.</summary>
    public CheckpointManifest Of(IReadOnlyList<CheckpointFile> files, int ranks) => this with
    {
        Schema = files.Count > 1 ? CurrentSchema : SchemaOfOneState,
        Ranks = ranks > 1 ? ranks : null,
        Files = files,
    };

    /// <summary>How the product writes JSON.</summary>
    internal static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads the manifest of a checkpoint's folder.</summary>
    /// <exception cref="CheckpointException">It is missing or damaged, or of a newer version.</exception>
    public static CheckpointManifest Read(string folder)
    {
        var file = Path.Combine(folder, FileName);
        try
        {
            return Parse(RegularFile.ReadAll(file, LargestFile), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CheckpointException(
                $"{file}: the checkpoint is damaged ({e.Message.ReplaceLineEndings(" ")})",
                e);
        }
    }

    /// <summary>The file's content.</summary>
    public byte[] ToBytes()
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(this with { Checksum = ManifestChecksum.None }, Json);
        ManifestChecksum.Fill(bytes);
        return bytes;
    }

    private static CheckpointManifest Parse(byte[] bytes, string file)
    {
        var holds = ManifestChecksum.Holds(bytes);
        if (holds == false)
        {
            throw new CheckpointException($"{file}: the checkpoint is damaged: its checksum is not the one it states");
        }

        var manifest = JsonSerializer.Deserialize<CheckpointManifest>(bytes, Json) ?? throw new JsonException("it is empty");
        if (manifest.Schema > CurrentSchema)
        {
            throw new CheckpointException(
                $"{file}: written by a newer version (layout {manifest.Schema}, this program knows up to " +
                $"{CurrentSchema}); use SelfSup {manifest.Versions.GetValueOrDefault("selfsup", "of that version")}")
            {
                IsOfNewerVersion = true,
            };
        }

        return manifest.Schema < 2 || holds == true
            ? manifest
            : throw new CheckpointException($"{file}: the checkpoint is damaged: it states no checksum");
    }
}

/// <param name="Name">The file's name.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Xxh128">Its checksum, as <c>xxh128sum</c> prints it.</param>
/// <param name="Sha256">Its checksum in checkpoints of the first layout.</param>
internal sealed record CheckpointFile(string Name, long Bytes, string? Xxh128 = null, string? Sha256 = null)
{
    /// <summary>In a rank's part, which rows of which tensors it has; else null.</summary>
    public IReadOnlyList<ShardRows>? Shards { get; init; }
}

/// <summary>What an evaluation found.</summary>
/// <param name="Step">After how many steps.</param>
/// <param name="Values">Named numbers, <c>knn</c>.</param>
internal sealed record EvaluationRecord(long Step, IReadOnlyDictionary<string, double> Values);

/// <summary>A setting that is not what it was.</summary>
/// <param name="Key">Its path, <c>method.temperature</c>.</param>
/// <param name="Was">What it was.</param>
/// <param name="Is">What it is.</param>
internal sealed record SettingChange(string Key, string Was, string Is)
{
    /// <summary>What stands for a setting that is not there.</summary>
    public const string NotSet = "not set";

    /// <inheritdoc/>
    public override string ToString() => $"{Key} was {Was}, is {Is}";
}

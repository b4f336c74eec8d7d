using System.Text.Json;
using System.Text.Json.Serialization;

namespace SelfSup.Checkpoints;

/// <summary>What a checkpoint says of itself, in <c>manifest.json</c>, which is written last.</summary>
internal sealed record CheckpointManifest
{
    /// <summary>The version of this layout that this program writes.</summary>
    public const int CurrentSchema = 1;

    /// <summary>The version of the layout.</summary>
    public int Schema { get; init; } = CurrentSchema;

    /// <summary>Optimizer steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Epochs done, with the part of the current one.</summary>
    public required double Epoch { get; init; }

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

    /// <summary>What wrote it.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    /// <summary>Where it was written.</summary>
    public required string Host { get; init; }

    /// <summary>The files beside this one.</summary>
    public IReadOnlyList<CheckpointFile> Files { get; init; } = [];

    /// <summary>What differs from a recipe's settings, one text for each key.</summary>
    public IReadOnlyList<string> DifferencesTo(IReadOnlyDictionary<string, string> now) =>
        [.. from key in Recipe.Keys.Union(now.Keys).Order(StringComparer.Ordinal)
            let was = Recipe.GetValueOrDefault(key, "not set")
            let become = now.GetValueOrDefault(key, "not set")
            where was != become
            select $"{key} was {was}, is {become}"];

    /// <summary>How the product writes JSON.</summary>
    internal static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}

/// <param name="Name">The file's name.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its checksum.</param>
internal sealed record CheckpointFile(string Name, long Bytes, string Sha256);

/// <summary>What an evaluation found.</summary>
/// <param name="Step">After how many steps.</param>
/// <param name="Values">Named numbers, <c>knn</c>.</param>
internal sealed record EvaluationRecord(long Step, IReadOnlyDictionary<string, double> Values);

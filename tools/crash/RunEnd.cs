using System.Text.Json;

using SelfSup.Checkpoints;

namespace SelfSup.Tools.Crash;

/// <summary>Compares how two runs ended: weights, the whole state, metrics and results, all but what depends on the clock.</summary>
internal static class RunEnd
{
    private static readonly HashSet<string> _clock = ["imagesPerSecond", "dataWaitSeconds", "stepSeconds", "evaluationSeconds", "seconds", "trainingSeconds"];

    /// <summary>What differs.</summary>
    public static IEnumerable<string> Differences(string expected, string actual)
    {
        if (!File.ReadAllBytes(Path.Combine(expected, "backbone.safetensors")).AsSpan().SequenceEqual(
            File.ReadAllBytes(Path.Combine(actual, "backbone.safetensors"))))
        {
            yield return "the backbone has other bits";
        }

        if (State(expected) != State(actual))
        {
            yield return "the last checkpoint's state has other bits";
        }

        var (metrics, others) = (Lines(expected), Lines(actual));
        if (metrics.Length != others.Length)
        {
            yield return $"metrics.jsonl has {others.Length} lines, must have {metrics.Length}";
        }

        foreach (var (line, other) in metrics.Zip(others).Where(pair => pair.First != pair.Second).Take(3))
        {
            yield return $"metrics.jsonl has {other}, must have {line}";
        }

        var (result, otherResult) = (Text(File.ReadAllText(Path.Combine(expected, "result.json"))), Text(File.ReadAllText(Path.Combine(actual, "result.json"))));
        if (result != otherResult)
        {
            yield return $"result.json is {otherResult}, must be {result}";
        }
    }

    private static string State(string run)
    {
        var manifest = CheckpointManifest.Read(new CheckpointStore(Path.Combine(run, "checkpoints")).Paths[^1]);
        return $"{manifest.Step} {string.Join(' ', manifest.Files.Select(file => $"{file.Bytes} {file.Xxh128}"))} {manifest.Loss:R} {JsonSerializer.Serialize(manifest.Evaluations)} {manifest.Health! with { LastSaved = 0, LastGood = null }}";
    }

    private static string[] Lines(string run) => [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(Text)];

    private static string Text(string json)
    {
        using var document = JsonDocument.Parse(json);
        return string.Join(' ', document.RootElement.EnumerateObject()
            .Where(property => !_clock.Contains(property.Name))
            .Select(property => $"{property.Name}={property.Value.GetRawText()}"));
    }
}

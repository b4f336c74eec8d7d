using System.Text.Json;

using SelfSup.Training;

namespace SelfSup.IntegrationTests.Support;

/// <summary>What a run left on disk.</summary>
/// <param name="path">Its directory.</param>
internal sealed class RunFiles(string path)
{
    /// <summary>What happened to it, oldest first.</summary>
    public IReadOnlyList<RunEvent> History => RunHistory.Read(RunDirectory.HistoryOf(path));

    /// <summary>The kinds of that, in order.</summary>
    public IEnumerable<RunEventKind> Kinds => History.Select(happened => happened.Event);

    /// <summary>The newest checkpoint's step, by its name.</summary>
    public long NewestCheckpoint => Directory.EnumerateDirectories(RunDirectory.CheckpointsOf(path))
        .Max(folder => long.Parse(Path.GetFileName(folder)["step-".Length..], System.Globalization.CultureInfo.InvariantCulture));

    public string this[params string[] parts] => Path.Combine([path, .. parts]);

    /// <summary>Fails unless another run has the same weights, optimizer state, evaluations and losses.</summary>
    public void IsTheSameAs(RunFiles expected)
    {
        Assert.Equal(File.ReadAllBytes(expected["backbone.safetensors"]), File.ReadAllBytes(this["backbone.safetensors"]));
        Assert.Equal(expected.StateHash(), StateHash());
        Assert.Equal(expected.Metrics(), Metrics());
        foreach (var key in new[] { "knn", "knnUntrained", "loss", "steps", "epochs" })
        {
            Assert.Equal(expected.Result(key), Result(key));
        }
    }

    private string StateHash()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(this["checkpoints", $"step-{Workspace.Steps:D8}", "manifest.json"]));
        return json.RootElement.GetProperty("files")[0].GetProperty("sha256").GetString()!;
    }

    private double Result(string key)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(this["result.json"]));
        return json.RootElement.GetProperty(key).GetDouble();
    }

    /// <summary>What metrics.jsonl says of every step, times left out.</summary>
    private string[] Metrics() =>
    [
        .. File.ReadLines(this["metrics.jsonl"]).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            return string.Join(' ', json.RootElement.EnumerateObject()
                .Where(p => p.Name is "step" or "epoch" or "loss" or "learningRate" or "gradientNorm" or "evaluation")
                .Select(p => $"{p.Name}={p.Value.GetRawText()}"));
        }),
    ];
}

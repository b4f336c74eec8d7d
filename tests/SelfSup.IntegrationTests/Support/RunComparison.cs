using System.Text.Json;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Whether two runs of a workspace ended alike, bit for bit.</summary>
internal static class RunComparison
{
    /// <summary>The same weights, optimizer state, evaluations and losses.</summary>
    public static void IsTheSame(this Workspace workspace, string expected, string actual)
    {
        Assert.Equal(
            File.ReadAllBytes(workspace[expected, "backbone.safetensors"]), File.ReadAllBytes(workspace[actual, "backbone.safetensors"]));
        Assert.Equal(workspace.StateHash(expected), workspace.StateHash(actual));
        Assert.Equal(workspace.Metrics(expected), workspace.Metrics(actual));
        foreach (var key in new[] { "knn", "knnUntrained", "loss", "steps", "epochs" })
        {
            Assert.Equal(workspace.Result(expected, key), workspace.Result(actual, key));
        }
    }

    private static string StateHash(this Workspace workspace, string run)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(
            workspace[run, "checkpoints", $"step-{Workspace.Steps:D8}", "manifest.json"]));
        return json.RootElement.GetProperty("files")[0].GetProperty("sha256").GetString()!;
    }

    private static double Result(this Workspace workspace, string run, string key)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(workspace[run, "result.json"]));
        return json.RootElement.GetProperty(key).GetDouble();
    }

    /// <summary>What metrics.jsonl says of every step, times left out.</summary>
    private static string[] Metrics(this Workspace workspace, string run) =>
    [
        .. File.ReadLines(workspace[run, "metrics.jsonl"]).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            return string.Join(' ', json.RootElement.EnumerateObject()
                .Where(p => p.Name is "step" or "epoch" or "loss" or "learningRate" or "gradientNorm" or "evaluation")
                .Select(p => $"{p.Name}={p.Value.GetRawText()}"));
        }),
    ];
}

using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary><c>selfsup profile</c> as its users meet it.</summary>
[Collection(AloneCollection.Name)]
public sealed class ProfileTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void ThePartsAddUpToTheStepAndMemoryToItsPeak()
    {
        // More steps than the recipe has, over the ends of its epochs.
        var outcome = _workspace.Run("profile", "tiny.yaml", "--steps", "30", "--warm-up", "4", "--json", "profile.json").Succeeds();
        Assert.Equal("", outcome.Error);
        Assert.DoesNotContain('\e', outcome.Output);
        Assert.Contains("30 measured, the first 4 left out", outcome.Output, StringComparison.Ordinal);
        Assert.Matches(@"backward +\d+\.\d\d +\d+\.\d %", outcome.Output);
        Assert.Equal(["profile.json", "tiny.yaml"], Directory.EnumerateFileSystemEntries(_workspace["."]).Select(p => Path.GetFileName(p)!).Order());

        using var json = JsonDocument.Parse(File.ReadAllBytes(_workspace["profile.json"]));
        var profile = json.RootElement;
        Assert.Equal((30, 4, 32), (profile.GetProperty("steps").GetInt32(), profile.GetProperty("stepsLeftOut").GetInt32(), profile.GetProperty("batchSize").GetInt32()));
        var step = Number(profile, "stepMilliseconds", "mean");
        Assert.Equal(32_000 / step, Number(profile, "imagesPerSecond"), 0.01);
        var parts = profile.GetProperty("parts").EnumerateObject().ToArray();
        Assert.Equal(
            ["dataWait", "transfer", "forward", "compare", "backward", "allReduce", "gradientNorm", "optimizer", "commit", "report"],
            parts.Select(part => part.Name));
        Assert.InRange(parts.Sum(part => Number(part.Value, "milliseconds")) / step, 0.95, 1.05);
        Assert.Equal(1, parts.Sum(part => Number(part.Value, "share")), 1e-6);
        Assert.All(["forward", "backward"], name => Assert.InRange(Number(profile, "parts", name, "share"), 0.05, 0.9));

        Assert.InRange(Number(profile, "evaluationSeconds"), 1e-3, 60);
        Assert.InRange(Number(profile, "checkpoint", "seconds"), 1e-5, 60);
        Assert.InRange(Number(profile, "checkpoint", "bytes"), 100_000, 1_000_000);
        var matrixProduct = Number(profile, "arithmetic", "matrixProduct", "float32");
        Assert.Equal(
            Number(profile, "arithmetic", "share"), Number(profile, "arithmetic", "operationsPerSecond") / matrixProduct, 1e-6);

        var memory = profile.GetProperty("memory").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble());
        Assert.Equal(memory["gradients"], memory["optimizerState"], 100.0); // a velocity for each value, and a few numbers
        Assert.InRange(memory["parameters"], memory["gradients"], 1.1 * memory["gradients"]);
        Assert.Equal(3 * 2 * 32 * 3 * 28 * 28 * sizeof(float), memory["batches"]); // three batches of two views
        Assert.Equal(256 * 28 * 28 * 3, memory["decodedCache"], 1e5);
        Assert.Equal(memory["peakResident"], memory.Where(m => m.Key != "peakResident").Sum(m => m.Value), 1.0);
    }

    [Fact]
    public void ARecipeWithoutEvaluationAndWithSlices()
    {
        _workspace.Run(
            "profile", "tiny.yaml", "--steps", "2", "--warm-up", "1", "--json", "slices.json", "--set", "evaluation.test=", "--set",
            "training.sliceSize=16").Succeeds();
        _workspace.Run(
            "profile", "tiny.yaml", "--steps", "2", "--warm-up", "1", "--json", "whole.json", "--set", "evaluation.test=").Succeeds();
        using var slices = JsonDocument.Parse(File.ReadAllBytes(_workspace["slices.json"]));
        using var whole = JsonDocument.Parse(File.ReadAllBytes(_workspace["whole.json"]));
        Assert.False(slices.RootElement.TryGetProperty("evaluationSeconds", out _));
        Assert.InRange(
            Number(slices.RootElement, "arithmetic", "operationsPerStep") / Number(whole.RootElement, "arithmetic", "operationsPerStep"),
            1.3, 1.36); // four ways through the network for three, and a little more as one of the three is cut short
    }

    [Fact]
    public void MistakesAreOneLine()
    {
        _workspace.Run("profile", "tiny.yaml", "--steps", "0").IsOneLine(2, "--steps: must be from 1 to 1000000, is 0");
        _workspace.Run("profile", "tiny.yaml", "--json", "nowhere/p.json").IsOneLine(2, "--json nowhere/p.json: cannot be written");
        _workspace.Run("profile", "tiny.yaml", "--set", "training.epoch=5").IsOneLine(2, "training.epoch: no such setting");
        _workspace.Run("profile", "tiny.yaml", "--set", "training.globalBatchSize=300").IsOneLine(2, "training.globalBatchSize", "300", "256");
        _workspace.Run("profile", "tiny.yaml", "--set", "data.path=nowhere").IsOneLine(3, "nowhere");
        Assert.Equal(["tiny.yaml"], Directory.EnumerateFileSystemEntries(_workspace["."]).Select(p => Path.GetFileName(p)!));
    }

    [Fact]
    public void StoppingLeavesNothing()
    {
        using var process = SelfSupProcess.Start(_workspace["."], "profile", "tiny.yaml", "--steps", "1000000");
        var everywhere = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }; // its folder is hidden
        process.WaitUntil(
            () => Directory.EnumerateFiles(_workspace["."], "metrics.jsonl", everywhere).Any(), "the run did not begin");
        process.Signal("INT");
        process.Wait().IsOneLine(130, "stopped before all steps were measured");
        Assert.Equal(["tiny.yaml"], Directory.EnumerateFileSystemEntries(_workspace["."]).Select(p => Path.GetFileName(p)!));
    }

    private static double Number(JsonElement element, params string[] path) =>
        path.Aggregate(element, (inner, name) => inner.GetProperty(name)).GetDouble();
}

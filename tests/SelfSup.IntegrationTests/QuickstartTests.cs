using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>A run leaves what it promises.</summary>
[Collection(AloneCollection.Name)]
public sealed class QuickstartTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void ARunLeavesItsRecipeMetricsCheckpointsBackboneAndResult()
    {
        var outcome = _workspace.Pretrain("run").Succeeds();
        Assert.Contains("untrained: kNN ", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("done: kNN ", outcome.Output, StringComparison.Ordinal);
        Assert.Empty(outcome.Error);

        foreach (var file in new[] { "recipe.yaml", "metrics.jsonl", "result.json", "backbone.safetensors" })
        {
            Assert.True(new FileInfo(_workspace["run", file]).Length > 0, file);
        }

        Assert.False(File.Exists(_workspace["run", "unreadable.txt"]));
        using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace["run", "result.json"]));
        foreach (var key in new[] { "knnUntrained", "knn", "loss", "epochs", "steps", "seconds", "imagesPerSecond", "version", "host" })
        {
            Assert.True(result.RootElement.TryGetProperty(key, out _), key);
        }

        var steps = File.ReadLines(_workspace["run", "metrics.jsonl"]).Where(l => l.Contains("\"loss\"", StringComparison.Ordinal)).ToArray();
        Assert.Equal(Workspace.Steps, steps.Length);
        using var last = JsonDocument.Parse(steps[^1]);
        foreach (var key in new[] { "step", "epoch", "loss", "learningRate", "imagesPerSecond", "dataWaitSeconds", "gradientNorm" })
        {
            Assert.True(last.RootElement.TryGetProperty(key, out _), key);
        }
    }

    [Fact]
    public async Task ATerminalGetsALiveBar()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "script(1) of util-linux makes the terminal");
        var program = Path.Combine(AppContext.BaseDirectory, "SelfSup.Cli");
        using var terminal = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "script", ["-qec", $"{program} pretrain tiny.yaml --run run --threads 1 --set training.maxSteps=6", "/dev/null"])
        {
            WorkingDirectory = _workspace["."],
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            Environment = { ["TERM"] = "xterm-256color" },
        })!;
        var reading = terminal.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (!terminal.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            terminal.Kill(entireProcessTree: true);
            Assert.Fail("the run did not end");
        }

        var output = await reading;
        Assert.Equal(0, terminal.ExitCode);
        Assert.Contains("judging the untrained encoder", output, StringComparison.Ordinal);
        Assert.Contains("untrained: kNN ", output, StringComparison.Ordinal);
        Assert.Contains("done: kNN ", output, StringComparison.Ordinal);
    }

    [Fact]
    public void ABackboneIsJudgedByKnnAndLinearProbe()
    {
        _workspace.Pretrain("run", "--set", "training.maxSteps=8").Succeeds();
        foreach (var source in new[] { "run", Path.Combine("run", "checkpoints", "step-00000008"), Path.Combine("run", "backbone.safetensors") })
        {
            var outcome = _workspace.Run(
                "knn", source, "--train", Repository.TrainImages, "--train-limit", "200", "--test", Repository.TestImages, "--test-limit", "100").Succeeds();
            Assert.Contains("top-1", outcome.Output, StringComparison.Ordinal);
            Assert.Contains("random initialisation", outcome.Output, StringComparison.Ordinal);
        }

        foreach (var protocol in new[] { "sgd", "lbfgs" })
        {
            var json = $"{protocol}.json";
            string[] more = protocol == "sgd" ? ["--epochs", "2"] : ["--C", "1"];
            _workspace.Run(
            [
                "linear-probe", "run", "--protocol", protocol, "--train", Repository.TrainImages, "--train-limit", "200", "--test",
                Repository.TestImages, "--test-limit", "100", "--json", json, .. more,
            ]).Succeeds();
            using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace[json]));
            // Chance is 0.1. Two steps of SGD are no classifier yet, and may land on either side of it.
            Assert.InRange(result.RootElement.GetProperty("encoder").GetProperty("top1").GetDouble(), protocol == "lbfgs" ? 0.2 : 0, 1);
            Assert.InRange(result.RootElement.GetProperty("randomInitialisation").GetProperty("top1").GetDouble(), 0, 1);
        }
    }

    [Fact]
    public void ViewsAreDrawnAsASheet()
    {
        _workspace.Run("views", "tiny.yaml", "--out", "grid.png", "--images", "3", "--views", "4").Succeeds();
        using var picture = SkiaSharp.SKBitmap.Decode(_workspace["grid.png"]);
        Assert.True(picture is { Width: > 500, Height: > 350 });

        // A group stands for as many views as it makes.
        const string Crop = "augmentations: [randomResizedCrop: { size: 28 }] }";
        var recipe = File.ReadAllText(_workspace["tiny.yaml"]);
        var (before, after) = (recipe.IndexOf("views:", StringComparison.Ordinal), recipe.IndexOf("encoder:", StringComparison.Ordinal));
        File.WriteAllText(_workspace["groups.yaml"], $"{recipe[..before]}views:\n  - {{ count: 2, {Crop}\n  - {{ count: 3, {Crop}\n{recipe[after..]}");
        Assert.Contains("grid.png: 1 images, 5 views of each", _workspace.Run("views", "groups.yaml", "--out", "grid.png", "--images", "1", "--views", "4").Succeeds().Output, StringComparison.Ordinal);
    }
}

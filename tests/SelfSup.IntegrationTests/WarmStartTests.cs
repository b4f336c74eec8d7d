using System.Text.Json;

using SelfSup.IntegrationTests.Support;
using SelfSup.Tensors;

namespace SelfSup.IntegrationTests;

/// <summary>A new run begins with the weights of another training, and with nothing else of it.</summary>
public sealed class WarmStartTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public WarmStartTests() => _workspace.Pretrain("source").Succeeds();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void FromARun()
    {
        var outcome = _workspace.Pretrain("warm", "--set", "init.from=source", "--set", "training.maxSteps=4").Succeeds();
        Assert.Matches(@"\nbegins with (\d+) of \1 tensors of source \(step 24\)\n", outcome.Output);
        Assert.Contains("\nbefore training: kNN ", outcome.Output, StringComparison.Ordinal);
        Assert.Matches(@"\ndone: kNN [\d.]+ % before training, [\d.]+ % trained; ", outcome.Output);
        Assert.Empty(outcome.ErrorLines);
        using var source = Result("source");
        using var warm = Result("warm");
        Assert.Equal(source.RootElement.GetProperty("knn").GetDouble(), FirstEvaluation("warm"));
        Assert.Equal(FirstEvaluation("warm"), warm.RootElement.GetProperty("knnBefore").GetDouble());
        Assert.False(warm.RootElement.TryGetProperty("knnUntrained", out _));
        Assert.NotEqual(source.RootElement.GetProperty("recipeHash").GetString(), warm.RootElement.GetProperty("recipeHash").GetString());
        Assert.NotEqual(FirstEvaluation("source"), FirstEvaluation("warm"));

        // Only weights: the schedule is at its beginning, and no momentum goes on.
        var begun = Events("warm").Single(e => e.GetProperty("event").GetString() == "warmStarted");
        Assert.Equal(0, begun.GetProperty("step").GetInt32());
        Assert.Contains($"tensors of {_workspace["source"]} (step 24)", begun.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("random initialisation", _workspace.Run("knn", "warm").Succeeds().Output, StringComparison.Ordinal);
        Assert.Contains($"from: {_workspace["source"]}", File.ReadAllText(_workspace["warm", "recipe.yaml"]), StringComparison.Ordinal);
    }

    [Fact]
    public void FromACheckpoint()
    {
        var outcome = _workspace.Pretrain("warm", "--set", "init.from=source/checkpoints/step-00000024", "--set", "training.maxSteps=1").Succeeds();
        Assert.Contains("tensors of source/checkpoints/step-00000024 (step 24)\n", outcome.Output, StringComparison.Ordinal);
        using var source = Result("source");
        Assert.Equal(source.RootElement.GetProperty("knn").GetDouble(), FirstEvaluation("warm"));
    }

    [Fact]
    public void FromAFileIntoAnotherHead()
    {
        string[] settings = ["--set", "encoder.head.output=8", "--set", "training.maxSteps=1"];
        var outcome = _workspace.Pretrain("warm", ["--set", "init.from=source/backbone.safetensors", .. settings]).Succeeds();
        Assert.Matches(@"\nbegins with (\d+) of \1 tensors of source/backbone.safetensors\n  \d+ not there, as initialised: head\.layers\.", outcome.Output);
        Assert.Empty(outcome.ErrorLines);
        using var source = Result("source");
        Assert.Equal(source.RootElement.GetProperty("knn").GetDouble(), FirstEvaluation("warm"));

        // The run's own checkpoint has a head, of another width.
        var other = _workspace.Pretrain("other", ["--set", "init.from=source", .. settings]).Succeeds();
        Assert.Equal(
            "selfsup: warning: init.from: 2 of another shape, as initialised: head.layers.3.weight [16, 16] there, [8, 16] here, "
            + "head.layers.3.bias [16] there, [8] here",
            Assert.Single(other.ErrorLines));
        Assert.Equal(FirstEvaluation("warm"), FirstEvaluation("other"));
        Assert.Contains("[16] there, [8] here", File.ReadAllText(_workspace["other", "history.jsonl"]), StringComparison.Ordinal);
    }

    [Fact]
    public void FromAFinishedRunThatHasOnlyItsBackbone()
    {
        Directory.Delete(_workspace["source", "checkpoints"], recursive: true);
        _workspace.Pretrain("warm", "--set", "init.from=source", "--set", "training.maxSteps=1").Succeeds();
        using var source = Result("source");
        Assert.Equal(source.RootElement.GetProperty("knn").GetDouble(), FirstEvaluation("warm"));
    }

    /// <summary>The learning rate is too small to change anything: what is saved is what it began with.</summary>
    [Fact]
    public void AKeyEncoderBeginsWhereItsQueryDoes()
    {
        _workspace.Pretrain(
            "warm", "--set", "init.from=source", "--set", "training.maxSteps=1", "--set", "schedule.learningRate=1e-30",
            "--set", "method={ name: moco, queueLength: 64 }").Succeeds();
        var source = State("source", Workspace.Steps);
        var warm = State("warm", 1);
        const string Query = "run.method.encoder.parameters.";
        string[] names = [.. source.Keys.Where(name => name.StartsWith(Query, StringComparison.Ordinal))];
        Assert.NotEmpty(names);
        Assert.All(names, name =>
        {
            Assert.Equal(source[name], warm[name]);
            Assert.Equal(source[name], warm[name.Replace("encoder.", "key.", StringComparison.Ordinal)]);
        });
    }

    [Fact]
    public void ARunThatGoesOnDoesNotNeedTheSource()
    {
        string[] settings = ["--set", "init.from=source"];
        _workspace.Pretrain("whole", settings).Succeeds();
        using (var process = _workspace.Start("run", settings))
        {
            process.WaitForLines(_workspace["run", "metrics.jsonl"], 9);
            process.Signal("TERM");
            process.Wait().IsOneLine(143, "stopped at step");
        }

        Directory.Delete(_workspace["source"], recursive: true);
        var resumed = _workspace.Pretrain("run", settings).Succeeds();
        Assert.DoesNotContain("begins with", resumed.Output, StringComparison.Ordinal);
        Assert.Contains("before training, ", resumed.Output, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(_workspace["whole", "backbone.safetensors"]), File.ReadAllBytes(_workspace["run", "backbone.safetensors"]));
        Assert.Single(Events("run"), e => e.GetProperty("event").GetString() == "warmStarted");
        _workspace.Pretrain("new", settings).IsOneLine(2, $"init.from: {_workspace["source"]}: does not exist; name a run directory");
        Assert.False(Directory.Exists(_workspace["new"]));
    }

    [Fact]
    public void OfAnotherArchitectureItIsRefused()
    {
        _workspace.Pretrain("warm", "--set", "init.from=source", "--set", "encoder.width=0.5").IsOneLine(
            2, $"init.from: {_workspace["source"]}: no tensor of it fits the encoder's backbone; it has ", "the backbone has conv1.weight [8, 3, 3, 3]");
        Assert.False(Directory.Exists(_workspace["warm"]));
    }

    [Fact]
    public void ADamagedSourceIsNamed()
    {
        foreach (var state in Directory.EnumerateFiles(_workspace["source", "checkpoints"], "state.safetensors", SearchOption.AllDirectories))
        {
            var bytes = File.ReadAllBytes(state);
            bytes[bytes.Length / 2] ^= 1;
            File.WriteAllBytes(state, bytes);
        }

        _workspace.Pretrain("warm", "--set", "init.from=source").IsOneLine(4, _workspace["source"], "damaged", "checksum");
    }

    private JsonDocument Result(string run) => JsonDocument.Parse(File.ReadAllBytes(_workspace[run, "result.json"]));

    private double FirstEvaluation(string run)
    {
        using var line = JsonDocument.Parse(File.ReadLines(_workspace[run, "metrics.jsonl"]).First());
        Assert.Equal(0, line.RootElement.GetProperty("step").GetInt64());
        return line.RootElement.GetProperty("evaluation").GetProperty("knn").GetDouble();
    }

    private List<JsonElement> Events(string run) =>
        [.. File.ReadLines(_workspace[run, "history.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Every tensor of a checkpoint.</summary>
    private Dictionary<string, string> State(string run, int step) => SafeTensors
        .Read(_workspace[run, "checkpoints", $"step-{step:D8}", "state.safetensors"], out _)
        .ToDictionary(t => t.Key, t => Convert.ToHexString(t.Value.bytes));
}

using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>A run that was stopped or killed ends bit for bit as one that was not.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void AStoppedRunEndsAsTheUninterruptedOne()
    {
        _workspace.Pretrain("whole").Succeeds();
        foreach (var lines in new[] { 1, 4, 13, 22 }) // of metrics.jsonl: before the first step, within and between epochs
        {
            var run = $"stopped-{lines}";
            using (var process = _workspace.Start(run))
            {
                process.WaitForLines(_workspace[run, "metrics.jsonl"], lines);
                process.Signal("TERM");
                var outcome = process.Wait();
                outcome.IsOneLine(143, "stopped at step", "resume with the same command");
            }

            var resumed = _workspace.Pretrain(run).Succeeds();
            Assert.Contains("goes on after step", resumed.Output, StringComparison.Ordinal);
            IsTheSame("whole", run);
        }
    }

    [Fact]
    public void CtrlCIsAnsweredLikeSigterm()
    {
        using var process = _workspace.Start("run");
        process.WaitForLines(_workspace["run", "metrics.jsonl"], 3);
        process.Signal("INT");
        process.Wait().IsOneLine(130, "stopped at step");
    }

    [Fact]
    public void AKilledRunGoesOnFromItsLastCheckpoint()
    {
        _workspace.Pretrain("whole").Succeeds();
        foreach (var lines in new[] { 8, 17 })
        {
            var run = $"killed-{lines}";
            using (var process = _workspace.Start(run))
            {
                process.WaitForLines(_workspace[run, "metrics.jsonl"], lines);
                process.Signal("KILL");
                Assert.Equal(137, process.Wait().ExitCode);
            }

            _workspace.Pretrain(run).Succeeds();
            IsTheSame("whole", run);
        }
    }

    [Fact]
    public void ResumeByRunDirectoryIsTheSame()
    {
        _workspace.Pretrain("whole").Succeeds();
        using (var process = _workspace.Start("run"))
        {
            process.WaitForLines(_workspace["run", "metrics.jsonl"], 9);
            process.Signal("TERM");
            Assert.Equal(143, process.Wait().ExitCode);
        }

        _workspace.Run("resume", "run").Succeeds();
        IsTheSame("whole", "run");
    }

    [Fact]
    public void AFinishedRunIsNotTrainedAgain()
    {
        _workspace.Pretrain("run").Succeeds();
        var result = File.ReadAllText(_workspace["run", "result.json"]);
        Assert.Contains("is finished", _workspace.Pretrain("run").Succeeds().Output, StringComparison.Ordinal);
        Assert.Equal(result, File.ReadAllText(_workspace["run", "result.json"]));
    }

    /// <summary>The same weights, optimizer state, evaluations and losses.</summary>
    private void IsTheSame(string expected, string actual)
    {
        Assert.Equal(
            File.ReadAllBytes(_workspace[expected, "backbone.safetensors"]), File.ReadAllBytes(_workspace[actual, "backbone.safetensors"]));
        Assert.Equal(StateHash(expected), StateHash(actual));
        Assert.Equal(Metrics(expected), Metrics(actual));
        foreach (var key in new[] { "knn", "knnUntrained", "loss", "steps", "epochs" })
        {
            Assert.Equal(Result(expected, key), Result(actual, key));
        }
    }

    private string StateHash(string run)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(
            _workspace[run, "checkpoints", $"step-{Workspace.Steps:D8}", "manifest.json"]));
        return json.RootElement.GetProperty("files")[0].GetProperty("xxh128").GetString()!;
    }

    private double Result(string run, string key)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(_workspace[run, "result.json"]));
        return json.RootElement.GetProperty(key).GetDouble();
    }

    /// <summary>What metrics.jsonl says of every step, times left out.</summary>
    private string[] Metrics(string run) =>
    [
        .. File.ReadLines(_workspace[run, "metrics.jsonl"]).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            return string.Join(' ', json.RootElement.EnumerateObject()
                .Where(p => p.Name is "step" or "epoch" or "loss" or "learningRate" or "gradientNorm" or "evaluation")
                .Select(p => $"{p.Name}={p.Value.GetRawText()}"));
        }),
    ];
}

using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary><c>selfsup runs</c> and <c>selfsup runs verify</c>.</summary>
public sealed class RunsTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void EveryStateOfARunIsToldApart()
    {
        _workspace.Pretrain("runs/finished").Succeeds();
        using (var stopped = _workspace.Start("runs/stopped"))
        {
            stopped.WaitForLines(_workspace["runs", "stopped", "metrics.jsonl"], 8);
            stopped.Signal("TERM");
            Assert.Equal(143, stopped.Wait().ExitCode);
        }

        using (var killed = _workspace.Start("runs/killed"))
        {
            killed.WaitForLines(_workspace["runs", "killed", "metrics.jsonl"], 12);
            killed.Signal("KILL");
            Assert.Equal(137, killed.Wait().ExitCode);
        }

        Assert.Equal(5, _workspace.Pretrain("runs/failed", "--set", "schedule.learningRate=1e30", "--set", "training.epochs=9").ExitCode);
        using var running = _workspace.Start("runs/running", "--set", "training.epochs=900");
        running.WaitForLines(_workspace["runs", "running", "metrics.jsonl"], 12);

        Directory.CreateDirectory(_workspace["runs", "something else"]);
        using var json = JsonDocument.Parse(_workspace.Run("runs", "--json").Succeeds().Output);
        var runs = json.RootElement.EnumerateArray().ToDictionary(run => run.GetProperty("name").GetString()!);
        Assert.Equal(["failed", "finished", "killed", "running", "stopped"], runs.Keys.Order());

        Is("finished", "finished", null);
        Assert.Equal(Workspace.Steps, runs["finished"].GetProperty("step").GetInt64());
        Assert.Equal(Result("knn"), runs["finished"].GetProperty("knn").GetDouble());
        Assert.Equal(Result("loss"), runs["finished"].GetProperty("loss").GetDouble());
        Is("stopped", "interrupted", "SIGTERM");
        Is("killed", "interrupted", "its process was killed");
        Is("failed", "failed", "the loss is NaN");
        Is("running", "running", "process ");
        Assert.True(runs["running"].GetProperty("step").GetInt64() >= 5);

        var text = _workspace.Run("runs").Succeeds().Output;
        Assert.Contains("interrupted at step ", text, StringComparison.Ordinal);
        Assert.Contains("24 of 24", text, StringComparison.Ordinal);
        Assert.Contains("finished", _workspace.Run("runs", "runs/finished").Succeeds().Output, StringComparison.Ordinal);

        void Is(string name, string state, string? reason)
        {
            Assert.Equal(state, runs[name].GetProperty("state").GetString());
            if (reason is not null)
            {
                Assert.Contains(reason, runs[name].GetProperty("reason").GetString(), StringComparison.Ordinal);
            }
        }

        double Result(string key)
        {
            using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace["runs", "finished", "result.json"]));
            return result.RootElement.GetProperty(key).GetDouble();
        }
    }

    [Fact]
    public void VerifyNamesEveryDamagedCheckpoint()
    {
        _workspace.Pretrain("run").Succeeds();
        Assert.DoesNotContain("damaged", _workspace.Run("runs", "verify", "run").Succeeds().Output, StringComparison.Ordinal);
        var oldest = Directory.GetDirectories(_workspace["run", "checkpoints"]).Order().First();
        var state = Path.Combine(oldest, "state.safetensors");
        var bytes = File.ReadAllBytes(state);
        bytes[^3] ^= 4;
        File.WriteAllBytes(state, bytes);
        var outcome = _workspace.Run("runs", "verify", "run");
        outcome.IsOneLine(4, "run: 1 of ", "checkpoints are damaged");
        Assert.Contains("its checksum is not the one in its manifest", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("whole", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNoRunIsSaid()
    {
        _workspace.Run("runs").IsOneLine(2, "runs: there is no such folder");
        Directory.CreateDirectory(_workspace["runs"]);
        Assert.Contains("there is no run in it", _workspace.Run("runs").Succeeds().Output, StringComparison.Ordinal);
        _workspace.Run("runs", "verify", "runs").IsOneLine(2, "runs: is not a run directory");
    }
}

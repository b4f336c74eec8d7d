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
        foreach (var lines in new[] { 1, 4, 13, 20 }) // of metrics.jsonl: before the first step, within and between epochs
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
            Assert.True(lines == 1 || resumed.Output.Contains("goes on after step", StringComparison.Ordinal), resumed.Output);
            _workspace.IsTheSame("whole", run);
        }
    }

    [Fact]
    public void CtrlCIsAnsweredLikeSigterm()
    {
        using var process = _workspace.Start("run", "--set", "training.epochs=900");
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
            _workspace.IsTheSame("whole", run);
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
        _workspace.IsTheSame("whole", "run");
    }

    [Fact]
    public void AFinishedRunIsNotTrainedAgain()
    {
        _workspace.Pretrain("run").Succeeds();
        var result = File.ReadAllText(_workspace["run", "result.json"]);
        Assert.Contains("is finished", _workspace.Pretrain("run").Succeeds().Output, StringComparison.Ordinal);
        Assert.Equal(result, File.ReadAllText(_workspace["run", "result.json"]));
    }
}

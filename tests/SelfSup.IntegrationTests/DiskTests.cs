using System.Text.Json;

using SelfSup.IntegrationTests.Support;
using SelfSup.Tools.Crash;
using SelfSup.Training;

namespace SelfSup.IntegrationTests;

/// <summary>Disks that are full, read-only, over quota or broken: training goes on where it can, and loses nothing where it cannot.</summary>
public sealed class DiskTests : IDisposable
{
    private static readonly string[] _long = ["--set", "training.epochs=2000", "--set", "evaluation.everyEpochs=0"];

    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void ADiskThatIsFullForAWhileLosesNothing()
    {
        using var mount = TemporaryMount.Create(_workspace["disk"], "size=1m");
        var run = Path.Combine(mount.Path, "run");
        using var process = _workspace.Start(run, [.. _long, "--set", "checkpoint.everySteps=1", "--set", "checkpoint.keep=9999"]);
        process.WaitForError("the checkpoint cannot be written");
        process.WaitForError("metrics.jsonl: cannot be written");
        mount.Change("size=256m");
        process.WaitForError("metrics.jsonl: can be written again");
        var before = Directory.GetDirectories(Path.Combine(run, "checkpoints")).Length;
        process.WaitUntil(() => Directory.GetDirectories(Path.Combine(run, "checkpoints")).Length > before + 3, "no checkpoint was written any more");
        process.Signal("TERM");
        var outcome = process.Wait();
        Assert.Equal(143, outcome.ExitCode);
        Assert.Contains("No space left on device", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("it is tried again for 60 min while training goes on", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(RunEventKind.CheckpointDelayed, _workspace.Files(run).Kinds);
        _workspace.Run("runs", "verify", run).Succeeds();
        EveryStepHasItsLine(run);
    }

    [Fact]
    public void ADiskThatBecomesReadOnlyEndsTheRunAndTheSameCommandGoesOn()
    {
        _workspace.Pretrain("whole").Succeeds();
        Directory.CreateDirectory(_workspace["run"]);
        using var mount = TemporaryMount.Create(_workspace["run", "checkpoints"], "size=64m");
        string[] settings = ["--set", "checkpoint.everySteps=1", "--set", "checkpoint.retryMinutes=0"];
        using (var process = _workspace.Start("run", settings))
        {
            process.WaitUntil(() => Directory.GetDirectories(mount.Path).Length > 1, "no checkpoint was written");
            mount.ChangeWhileInUse("ro");
            process.Wait().IsOneLine(5, "step-", "the checkpoint cannot be written (Read-only file system", "give the same command again", "last good checkpoint: step-");
        }

        Assert.Contains("failed", _workspace.Run("runs", "run").Succeeds().Output, StringComparison.Ordinal);
        mount.Change("rw");
        _workspace.Pretrain("run").Succeeds();
        _workspace.IsTheSame("whole", "run");
    }

    [Theory]
    [InlineData("pwrite64", "EDQUOT", "Disk quota exceeded", 40)]
    [InlineData("fsync", "EIO", "Input/output error", 30)]
    [InlineData("rename", "ENOSPC", "No space left on device", 12)]
    public void ASystemCallThatFailsLeavesTheCheckpointsBefore(string call, string error, string message, int from)
    {
        Assert.SkipUnless(Tracer.IsAllowed, "strace is not installed, or may not trace here");
        _workspace.Pretrain("whole").Succeeds();
        using (var process = _workspace.StartBy(
            Tracer.Program, Tracer.Inject(call, $"error={error}:when={from}+"), "run", "--set", "checkpoint.everySteps=1", "--set", "checkpoint.retryMinutes=0"))
        {
            var outcome = process.Wait();
            Assert.True(outcome.ExitCode == 5, $"exit code {outcome.ExitCode}:\n{outcome.Output}{outcome.Error}");
            Assert.Contains(message, outcome.ErrorLines[^1], StringComparison.Ordinal);
            Assert.Contains("cannot be written", outcome.ErrorLines[^1], StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
        }

        _workspace.Run("runs", "verify", "run").Succeeds();
        _workspace.Pretrain("run").Succeeds();
        _workspace.IsTheSame("whole", "run");
        EveryStepHasItsLine("run");
    }

    [Fact]
    public void AFolderThatMayNotBeWrittenEndsTheRun()
    {
        // Root may write anywhere, so the program runs as nobody.
        Rights(_workspace["."], 0b111_111_111);
        string[] nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        using (var probe = SelfSupProcess.StartProgram("setpriv", _workspace["."], [.. nobody, SelfSupProcess.Program, "--help"]))
        {
            Assert.SkipWhen(probe.Wait().ExitCode != 0, "needs root, and a build that others may read");
        }

        using var process = _workspace.StartBy(
            "setpriv", nobody, "run", "--set", "checkpoint.everySteps=1", "--set", "checkpoint.retryMinutes=0", "--set", "training.epochs=500");
        process.WaitUntil(
            () => Directory.Exists(_workspace["run", "checkpoints"]) && Directory.GetDirectories(_workspace["run", "checkpoints"]).Length > 1,
            "no checkpoint was written");
        Rights(_workspace["run", "checkpoints"], 0b101_101_101);
        process.Wait().IsOneLine(5, "the checkpoint cannot be written (Access to the path", "is denied", "mend the folder");
        Rights(_workspace["run", "checkpoints"], 0b111_111_111);
        _workspace.Run("runs", "verify", "run").Succeeds();
    }

    [Fact]
    public void MetricsThatCannotBeWrittenStopNothing()
    {
        _workspace.Pretrain("whole").Succeeds();
        Directory.CreateDirectory(_workspace["run", "metrics.jsonl"]);
        var outcome = _workspace.Pretrain("run").Succeeds();
        Assert.Contains("metrics.jsonl: cannot be written", Assert.Single(outcome.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("training goes on", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(_workspace["whole", "backbone.safetensors"]), File.ReadAllBytes(_workspace["run", "backbone.safetensors"]));
    }

    [Fact]
    public void ALogOnAFullDiskStopsNothing()
    {
        _workspace.Pretrain("whole").Succeeds();
        using var process = SelfSupProcess.StartProgram(
            "sh", _workspace["."], "-c", $"exec '{SelfSupProcess.Program}' pretrain tiny.yaml --run run > /dev/full 2>&1");
        process.Wait().Succeeds();
        _workspace.IsTheSame("whole", "run");
    }

    [Fact]
    public void AHistoryThatCannotBeWrittenStopsNothing()
    {
        Directory.CreateDirectory(_workspace["run", "history.jsonl"]);
        var outcome = _workspace.Pretrain("run").Succeeds();
        Assert.Contains("history.jsonl: cannot be written", outcome.Error, StringComparison.Ordinal);
    }

    private static void Rights(string path, int mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (UnixFileMode)mode);
        }
    }

    /// <summary>No step is missing in metrics.jsonl, and none is there twice.</summary>
    private void EveryStepHasItsLine(string run)
    {
        var steps = new List<long>();
        foreach (var line in File.ReadLines(_workspace[run, "metrics.jsonl"]))
        {
            using var json = JsonDocument.Parse(line);
            if (json.RootElement.TryGetProperty("loss", out _))
            {
                steps.Add(json.RootElement.GetProperty("step").GetInt64());
            }
        }

        Assert.Equal(Enumerable.Range(1, steps.Count).Select(step => (long)step), steps);
    }
}

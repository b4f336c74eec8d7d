using SelfSup.IntegrationTests.Support;
using SelfSup.Training;

namespace SelfSup.IntegrationTests;

/// <summary>Runs that are killed, crash or hang are started again and end bit for bit as one to which nothing happened.</summary>
[Collection(AloneCollection.Name)]
public sealed class SupervisionTests(UndisturbedRun undisturbed) : IClassFixture<UndisturbedRun>, IDisposable
{
    private readonly FaultyWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void ARunThatIsKilledTwiceIsStartedAgainAndEndsTheSame()
    {
        _workspace.Faults("7 kill", "16 wait", "17 kill");
        using var process = _workspace.Start("run", "--restarts", "3");
        _workspace.WaitForFault(process);
        Assert.DoesNotContain("libtorch", File.ReadAllText($"/proc/{process.Id}/maps"), StringComparison.Ordinal);
        _workspace.Leave();

        var outcome = process.Wait().Succeeds();
        Assert.Contains("warning: the run died (SIGKILL); it is started again in 1 s from the checkpoint of step 5 (restart 1 of 3)", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("it is started again in 1 s from the checkpoint of step 16 (restart 2 of 3)", outcome.Error, StringComparison.Ordinal);
        var files = _workspace.Files("run");
        Assert.Equal(
            [RunEventKind.Started, RunEventKind.Died, RunEventKind.Restarted, RunEventKind.Resumed, RunEventKind.Died, RunEventKind.Restarted, RunEventKind.Resumed, RunEventKind.Finished],
            files.Kinds);
        Assert.All(files.History.Where(e => e.Event == RunEventKind.Died), e => Assert.Equal("SIGKILL", e.Signal));
        files.IsTheSameAs(undisturbed.With());
    }

    [Fact]
    public void ARunThatHangsIsStartedAgainAndEndsTheSame()
    {
        _workspace.Faults("7 hang");
        _workspace.Pretrain("run", [.. FaultyWorkspace.StopsWhenItHangs, "--restarts", "1"]).Succeeds();
        var files = _workspace.Files("run");
        Assert.Equal(
            [RunEventKind.Started, RunEventKind.Hung, RunEventKind.Failed, RunEventKind.Restarted, RunEventKind.Resumed, RunEventKind.Finished],
            files.Kinds);
        files.IsTheSameAs(undisturbed.With(FaultyWorkspace.StopsWhenItHangs));
    }

    [Fact]
    public void ARunThatAlwaysDiesAtTheSameStepIsGivenUpWithTheReason()
    {
        _workspace.Faults([.. Enumerable.Repeat("3 throw", 9)]);
        var outcome = _workspace.Pretrain("run", "--restarts", "9");
        Assert.Equal(5, outcome.ExitCode);
        var line = outcome.ErrorLines[^1];
        Assert.StartsWith("selfsup: run: the run died 3 times and is not started again, 3 times in a row without a new checkpoint", line, StringComparison.Ordinal);
        Assert.Contains("the last time: a fault was asked for at step 3", line, StringComparison.Ordinal);
        var last = _workspace.Files("run").History[^1];
        Assert.Equal((RunEventKind.GivenUp, 5), (last.Event, last.ExitCode));
        Assert.Contains("a fault was asked for at step 3", last.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(RunEventKind.Died, _workspace.Files("run").Kinds); // the run itself has said how it failed
        Assert.Equal(3, _workspace.Files("run").Kinds.Count(kind => kind == RunEventKind.Failed));
    }

    [Fact]
    public void RestartsAreUsedUp()
    {
        _workspace.Faults("3 kill", "3 kill", "3 kill");
        var outcome = _workspace.Pretrain("run", "--restarts=1");
        Assert.Equal(137, outcome.ExitCode);
        Assert.Contains("died 2 times and is not started again, its one restart is used; the last time: SIGKILL;", outcome.ErrorLines[^1], StringComparison.Ordinal);
        Assert.Equal(RunEventKind.GivenUp, _workspace.Files("run").Kinds.Last());
    }

    [Fact]
    public void AMistakeIsNotTriedAgain()
    {
        _workspace.Pretrain("run", "--restarts", "3", "--set", "training.globalBatchSize=300").IsOneLine(2, "training.globalBatchSize", "300", "256");
        _workspace.Pretrain("run", "--restarts", "-1").IsUsage("--restarts: must be at least 0, is -1");
    }

    [Fact]
    public void SigtermStopsTheRunWithACheckpointAlsoWhereItReachesBothProcesses()
    {
        _workspace.Faults("7 wait");
        using (var process = _workspace.Start("run", "--restarts", "3"))
        {
            _workspace.WaitForFault(process);
            process.Signal("TERM");
            SelfSupProcess.Signal("TERM", _workspace.Trainer("run"));
            _workspace.LeaveWhenSignalled();
            process.Wait().IsOneLine(143, "stopped at step 7 with a checkpoint");
        }

        var files = _workspace.Files("run");
        var last = files.History[^1];
        Assert.Equal((RunEventKind.Stopped, 7, "SIGTERM", 143), (last.Event, last.Step, last.Signal, last.ExitCode));
        Assert.Equal(7, files.NewestCheckpoint);
    }

    [Fact]
    public void ASecondSignalEndsBothProcessesAtOnce()
    {
        _workspace.Faults("7 wait");
        using var process = _workspace.Start("run", "--restarts", "3");
        _workspace.WaitForFault(process);
        FaultyWorkspace.SignalTwice(process, "INT");
        Assert.Equal(130, process.Wait().ExitCode);
        Assert.Equal(5, _workspace.Files("run").NewestCheckpoint);
    }

    [Fact]
    public void AStopEndsThePauseBeforeARestart()
    {
        _workspace.Faults("3 kill", "3 kill", "3 kill");
        using var process = _workspace.Start("run", "--restarts", "9");
        process.WaitUntil(() => _workspace.Files("run").Kinds.Count(kind => kind == RunEventKind.Died) == 2, "did not die twice");
        process.Signal("TERM");
        Assert.Equal(143, process.Wait().ExitCode);
        var last = _workspace.Files("run").History[^1];
        Assert.Equal((RunEventKind.Stopped, "SIGTERM", 143), (last.Event, last.Signal, last.ExitCode));
    }

    [Fact]
    public void User1ReachesTheRun()
    {
        _workspace.Faults("7 wait");
        using var process = _workspace.Start("run", "--restarts", "1");
        _workspace.WaitForFault(process);
        process.Signal("USR1");
        _workspace.LeaveWhenSignalled();
        Assert.Contains("checkpoint of step 7 is written, as asked", process.Wait().Succeeds().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void ARunWhoseSupervisorIsKilledStopsWithACheckpoint()
    {
        _workspace.Faults("7 wait");
        using (var process = _workspace.Start("run", "--restarts", "3"))
        {
            _workspace.WaitForFault(process);
            process.Signal("KILL");
            _workspace.LeaveWhenSignalled();
            var outcome = process.Wait(); // its output ends with the run's
            Assert.Equal(137, outcome.ExitCode);
            Assert.Contains("warning: the process that watched over this one is gone; the run stops", outcome.Error, StringComparison.Ordinal);
            Assert.Contains("stopped at step 7 with a checkpoint", outcome.Error, StringComparison.Ordinal);
        }

        var last = _workspace.Files("run").History[^1];
        Assert.Equal((RunEventKind.Stopped, "SIGTERM"), (last.Event, last.Signal));
        Assert.Equal(7, _workspace.Files("run").NewestCheckpoint);
        _workspace.Resume("run", "--restarts", "1").Succeeds();
        _workspace.Files("run").IsTheSameAs(undisturbed.With());
    }
}

using SelfSup.IntegrationTests.Support;
using SelfSup.Training;

namespace SelfSup.IntegrationTests;

/// <summary>Runs whose ranks the program starts itself: what it is asked for, and who hears what.</summary>
[Collection(AloneCollection.Name)]
public sealed class RankSupervisionTests(UndisturbedRun undisturbed) : IClassFixture<UndisturbedRun>, IDisposable
{
    private readonly FaultyWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("--devices=,", "'' is no GPU", "cpu:4")]
    [InlineData("--devices=cpu:0", "--devices cpu:0: is no rank", "cpu:4")]
    [InlineData("--devices=0,0", "--devices 0,0: 0 is named twice")]
    [InlineData("--devices=zero", "--devices zero: 'zero' is no GPU", "cpu:4")]
    [InlineData("--devices=cpu:3", "training.globalBatchSize: 32 cannot be shared by 3 ranks", "set 30 or 33")]
    [InlineData("--ranks-min=2", "--ranks-min: is for a run on several devices", "--devices")]
    [InlineData("--devices=cpu:4 --ranks-min=2", "--ranks-min: is for a run that is started again", "--restarts")]
    [InlineData("--devices=cpu:4 --ranks-min=4 --restarts=1", "--ranks-min: is 4, must be from 1 to 3")]
    [InlineData("--devices=cpu:4 --ranks-min=3 --restarts=1", "no number of ranks from 3 to 3 shares a batch of 32 images equally")]
    public void WhatCannotBeIsSaidBeforeAnythingIsStarted(string options, params string[] parts)
    {
        _workspace.Pretrain("run", options.Split(' ')).IsOneLine(2, parts);
        Assert.False(Directory.Exists(_workspace["run"]));
    }

    [Fact]
    public void RanksOnTheCpuNeedMpirun()
    {
        Pretrain(("PATH", "/nowhere"), "--devices", "cpu:2").IsOneLine(2, "mpirun is not in PATH", "install Open MPI", "MPICH", "SELFSUP_MPIRUN");
        Pretrain(("SELFSUP_MPIRUN", "/nowhere/mpirun"), "--devices", "cpu:2").IsOneLine(2, "SELFSUP_MPIRUN=/nowhere/mpirun: there is no such program");
        Pretrain(("SELFSUP_MPIRUN", "/bin/true"), "--devices", "cpu:2").IsOneLine(2, "/bin/true: is neither mpirun of Open MPI nor of MPICH");
    }

    [Fact]
    public void GpusThatAreNotThereAreNamed() =>
        Pretrain(("CUDA_VISIBLE_DEVICES", "0,1"), "--devices", "0,2").IsOneLine(2, "there is no GPU 2 here, they are 0 to 1");

    [Fact]
    public void VariablesOfALauncherThatAreNoneAreNamed()
    {
        Pretrain(("PET_RDZV_ENDPOINT", "job-worker-0:29400")).IsOneLine(6, "PET_RDZV_ENDPOINT", "torchrun --no-python");
        Pretrain(("MASTER_PORT", "none"), "--restarts", "1", "--devices", "cpu:2").IsOneLine(6, "MASTER_PORT=none: must be a whole number");
    }

    [Fact]
    public void ARankThatCannotBeginSaysWhichOneItIs()
    {
        using var process = Shell("RANK=1 WORLD_SIZE=2 exec \"$@\"", "--set", "training.globalBatchSize=none");
        process.Wait().IsOneLine(2, $"selfsup: rank 1 on {Environment.MachineName}: ", "training.globalBatchSize");
        using var supervisor = Shell("RANK=1 WORLD_SIZE=2 exec \"$@\"", "--devices", "cpu:2");
        supervisor.Wait().IsOneLine(2, "--devices: this process is rank 1 of 2 that were started together");
    }

    [Fact]
    public void OneRankOnTheCpuIsWatchedWithoutMpirun()
    {
        _workspace.Faults("7 kill", "16 wait");
        using var process = Shell("PATH=/nowhere exec \"$@\"", "--devices", "cpu:1", "--restarts", "1");
        _workspace.WaitForFault(process);
        Assert.DoesNotContain("libtorch", File.ReadAllText($"/proc/{process.Id}/maps"), StringComparison.Ordinal);
        _workspace.Leave();
        Assert.Contains("the run died (SIGKILL); it is started again in 1 s", process.Wait().Succeeds().Error, StringComparison.Ordinal);
        _workspace.Files("run").IsTheSameAs(undisturbed.With());
    }

    [Fact]
    public void TheFirstRankIsToldToStopThroughItsInput()
    {
        // As mpirun passes on what it gets: a byte, and the input stays open.
        _workspace.Faults("7 wait");
        using var process = Shell(
            "(while [ ! -e waiting ]; do sleep 0.1; done; printf T; sleep 1; echo > leave; while [ ! -e over ]; do sleep 0.1; done) " +
            "| (SELFSUP_SUPERVISOR=stdin \"$@\"; code=$?; echo > over; exit $code)");
        process.Wait().IsOneLine(143, "stopped at step 7 with a checkpoint");
        var last = _workspace.Files("run").History[^1];
        Assert.Equal((RunEventKind.Stopped, "SIGTERM"), (last.Event, last.Signal));
    }

    [Fact]
    public void TheFirstRankStopsWhereItsInputEnds()
    {
        _workspace.Faults("7 wait");
        using var process = Shell("(while [ ! -e waiting ]; do sleep 0.1; done; (sleep 1; echo > leave) > /dev/null &) | SELFSUP_SUPERVISOR=stdin \"$@\"");
        var outcome = process.Wait();
        Assert.Equal(143, outcome.ExitCode);
        Assert.Contains("warning: the process that watched over this one is gone; the run stops", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(7, _workspace.Files("run").NewestCheckpoint);
    }

    private Outcome Pretrain((string Name, string Value) variable, params string[] more)
    {
        using var process = Shell($"export {variable.Name}={variable.Value}; exec \"$@\"", more);
        return process.Wait();
    }

    /// <summary>Runs the program by a line of shell, in which it is <c>"$@"</c>.</summary>
    private SelfSupProcess Shell(string line, params string[] more) => _workspace.StartBy("/bin/sh", ["-c", line, "sh"], "run", more);
}

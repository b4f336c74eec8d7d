using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

using SelfSup.Hosting;
using SelfSup.IntegrationTests.Support;
using SelfSup.Training;

namespace SelfSup.IntegrationTests;

/// <summary>What a run does when it is told something while it trains, and when it no longer moves.</summary>
[Collection(AloneCollection.Name)]
public sealed class SignalTests(UndisturbedRun undisturbed) : IClassFixture<UndisturbedRun>, IDisposable
{
    private readonly FaultyWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData(0)] // while the run is put together
    [InlineData(3)]
    public void User1WritesOneCheckpointHoweverOftenAndTrainingGoesOn(int step)
    {
        _workspace.Faults($"{step} wait");
        using var process = _workspace.Start("run", "--set", "checkpoint.keep=99");
        _workspace.WaitForFault(process);
        FaultyWorkspace.SignalTwice(process, "USR1");
        _workspace.LeaveWhenSignalled();
        var outcome = process.Wait().Succeeds();
        var files = _workspace.Files("run");
        var asked = Assert.Single(files.History, happened => happened.Event == RunEventKind.CheckpointAsked);
        Assert.Equal((step, "SIGUSR1"), (asked.Step, asked.Signal));
        Assert.Single(outcome.Output.Split('\n'), line => line == $"checkpoint of step {step} is written, as asked");
        Assert.True(Directory.Exists(files["checkpoints", $"step-{step:D8}"]));
        Assert.Equal(RunEventKind.Finished, files.Kinds.Last());
    }

    [Fact]
    public async Task AHostAsksForACheckpointInCode()
    {
        var builder = Host.CreateApplicationBuilder();
        var asking = new Asking();
        builder.Services.AddSelfSup(_workspace["tiny.yaml"], _workspace["run"])
            .Set("run.threads=1", "checkpoint.keep=99", "training.maxSteps=4", "evaluation.test=").AddMethod<FaultyMethod>().ReportTo(asking);
        using var host = builder.Build();
        var outcome = host.Services.GetRequiredService<RunOutcome>();
        asking.Request = host.Services.GetRequiredService<CheckpointRequest>();
        await host.RunAsync(TestContext.Current.CancellationToken);
        Assert.Null(outcome.Error);
        Assert.Equal([2], asking.Answered);
        Assert.True(Directory.Exists(_workspace["run", "checkpoints", "step-00000002"]));
        var asked = Assert.Single(_workspace.Files("run").History, happened => happened.Event == RunEventKind.CheckpointAsked);
        Assert.Equal((2, null), (asked.Step, asked.Signal));
    }

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("INT", 130)]
    public void ASecondSignalEndsAtOnceAndHarmsNothing(string signal, int exitCode)
    {
        _workspace.Faults("8 wait");
        using (var process = _workspace.Start("run"))
        {
            _workspace.WaitForFault(process);
            FaultyWorkspace.SignalTwice(process, signal);
            Assert.Equal(exitCode, process.Wait().ExitCode); // step 8 is never done
        }

        Assert.Equal(5, _workspace.Files("run").NewestCheckpoint);
        foreach (var lines in new[] { 12, 19 }) // at any other moment, checkpoints that are being written among them
        {
            using var process = _workspace.Start("run");
            process.WaitForLines(_workspace["run", "metrics.jsonl"], lines);
            process.Signal(signal);
            process.Signal(signal);
            Assert.Equal(exitCode, process.Wait().ExitCode);
        }

        _workspace.Resume("run").Succeeds();
        _workspace.Files("run").IsTheSameAs(undisturbed.With());
    }

    [Fact]
    public void ASignalWhileTheRunIsPutTogetherEndsItBeforeAStep()
    {
        _workspace.Faults("0 wait");
        using var process = _workspace.Start("run");
        _workspace.WaitForFault(process);
        process.Signal("TERM");
        _workspace.LeaveWhenSignalled();
        process.Wait().IsOneLine(143, "stopped at step 0 with a checkpoint", "resume with the same command");
        var last = _workspace.Files("run").History[^1];
        Assert.Equal((RunEventKind.Stopped, 0, "SIGTERM", 143), (last.Event, last.Step, last.Signal, last.ExitCode));
        Assert.Empty(File.ReadAllText(_workspace["run", "metrics.jsonl"]));
    }

    [Fact]
    public void AnErrorIsWrittenDown()
    {
        _workspace.Faults("3 throw");
        _workspace.Pretrain("run").IsOneLine(5, "a fault was asked for at step 3");
        var last = _workspace.Files("run").History[^1];
        Assert.Equal((RunEventKind.Failed, 2, 5), (last.Event, last.Step, last.ExitCode));
        Assert.Equal("a fault was asked for at step 3; do not ask for it", last.Message);
    }

    [Fact]
    public void AHangIsReportedWithStacksAndTheRunGoesOn()
    {
        _workspace.Faults("7 wait");
        using var process = _workspace.Start("run", FaultyWorkspace.HangsSoon);
        _workspace.WaitForFault(process);
        var files = _workspace.Files("run");
        process.WaitUntil(() => files.History.Any(IsTheHang), "no hang was reported");
        _workspace.Leave();
        var outcome = process.Wait().Succeeds();

        var stacks = Assert.Single(Directory.EnumerateFiles(_workspace["run"], "stacks-*.txt"));
        var text = File.ReadAllText(stacks);
        Assert.Contains("\"training\"", text, StringComparison.Ordinal);
        Assert.Contains("FaultyMethod.WaitForLeave()", text, StringComparison.Ordinal);
        var message = $"no step was finished for 6 s (since step 6; loss); stacks of all managed threads: {stacks}";
        Assert.Equal(message, Assert.Single(files.History, IsTheHang).Message);
        Assert.Contains($"selfsup: warning: {message}\n", outcome.Error, StringComparison.Ordinal);
        files.IsTheSameAs(undisturbed.With(FaultyWorkspace.HangsSoon));
    }

    [Fact]
    public void AHangEndsTheProcessWhereItIsToldSo()
    {
        _workspace.Faults("7 hang");
        var outcome = _workspace.Pretrain("run", FaultyWorkspace.StopsWhenItHangs);
        Assert.Equal(5, outcome.ExitCode);
        Assert.Equal(
            "selfsup: no step was finished for 6 s (since step 6; loss); the process ends (run.onHang: stop); the same command goes on from the last checkpoint",
            outcome.ErrorLines[^1]);
        var files = _workspace.Files("run");
        Assert.Equal([RunEventKind.Started, RunEventKind.Hung, RunEventKind.Failed], files.Kinds);
        Assert.Equal(5, files.History[^1].ExitCode);
        Assert.Equal(5, files.NewestCheckpoint);
        Assert.Contains("FaultyMethod.HangInALibrary()", File.ReadAllText(Directory.EnumerateFiles(_workspace["run"], "stacks-*.txt").Single()), StringComparison.Ordinal);
    }

    [Fact]
    public void StacksOfWhatIsNoProcess() => _workspace.Verb("stacks", "2147483647")
        .IsOneLine(2, "stacks 2147483647: there is no such process; name one, as in RUN/run.holder");

    private static bool IsTheHang(RunEvent happened) => happened is { Event: RunEventKind.Hung, Step: 6 };

    /// <summary>A program that asks after the second step.</summary>
    private sealed class Asking : IRunProgress
    {
        public CheckpointRequest? Request { get; set; }

        public List<long> Answered { get; } = [];

        public void Started(RunStart start)
        {
        }

        public void Stepped(StepProgress progress)
        {
            if (progress.Report.Step == 2)
            {
                Request!.Ask();
            }
        }

        public void Evaluating(long step)
        {
        }

        public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration)
        {
        }

        public void Saved(long step, string path)
        {
        }

        public void CheckpointAnswered(long step) => Answered.Add(step);

        public void Warn(string message) => Assert.Fail(message);
    }
}

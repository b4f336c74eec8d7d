using SelfSup.Training;

namespace SelfSup.Tests.Training;

public sealed class RunRestartTests
{
    private static readonly DateTimeOffset _start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void ARunThatWasNeverStartedAgainHasNoRestart()
    {
        Assert.Equal(new RunRestart(0, null, null), RunRestart.Of([]));
        Assert.Equal(new RunRestart(0, null, null), RunRestart.Of(History(RunEventKind.Started, RunEventKind.Died))); // by hand
    }

    [Fact]
    public void ItWasAwaySinceItsProcessEnded()
    {
        var history = History(RunEventKind.Started, RunEventKind.Died, RunEventKind.Restarted, RunEventKind.Resumed, RunEventKind.Failed, RunEventKind.Restarted, RunEventKind.Changed);
        Assert.Equal(new RunRestart(2, _start.AddMinutes(4), history[4]), RunRestart.Of(history));
    }

    [Fact]
    public void AProcessThatWasStartedByHandIsNoRestart()
    {
        var history = History(RunEventKind.Started, RunEventKind.Died, RunEventKind.Restarted, RunEventKind.Resumed, RunEventKind.Stopped);
        Assert.Equal(new RunRestart(1, null, null), RunRestart.Of(history));
    }

    [Fact]
    public void WhoeverStartsItAfterItsSupervisorHasEndedIsNoRestart() => Assert.All(
        [RunEventKind.Stopped, RunEventKind.GivenUp],
        end => Assert.Equal(
            new RunRestart(1, null, null),
            RunRestart.Of(History(RunEventKind.Started, RunEventKind.Died, RunEventKind.Restarted, RunEventKind.Failed, end))));

    [Fact]
    public void WithoutACauseItWasAwaySinceItWasStartedAgain()
    {
        var restart = RunRestart.Of(History(RunEventKind.Started, RunEventKind.Restarted));
        Assert.Equal((_start.AddMinutes(1), null), (restart.Since, restart.Cause));
    }

    private static RunEvent[] History(params RunEventKind[] kinds) => [.. kinds.Select((kind, i) => new RunEvent(kind) { At = _start.AddMinutes(i) })];
}

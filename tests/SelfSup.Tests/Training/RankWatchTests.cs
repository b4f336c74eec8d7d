using System.Diagnostics;

using SelfSup.Errors;
using SelfSup.Telemetry;
using SelfSup.Tests.Support;
using SelfSup.Training;

namespace SelfSup.Tests.Training;

/// <summary>How a rank that waits learns that another will not come, and why.</summary>
public sealed class RankWatchTests : IDisposable
{
    private const string Session = "one";

    private static readonly TimeSpan _silence = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan _betweenLooks = TimeSpan.FromSeconds(0.6);

    private readonly string _folder = Directory.CreateTempSubdirectory("selfsup-ranks-").FullName;
    private readonly Fake _ranks = new();
    private readonly Heartbeat _heartbeat = new();
    private readonly RankWatch _watch;

    public RankWatchTests() => _watch = new RankWatch(_folder, Session, _ranks, _heartbeat, _silence, TimeProvider.System);

    public void Dispose()
    {
        _watch.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void AProcessThatIsGoneIsNamedAtOnce()
    {
        using var other = Process.Start("sleep", "60");
        Sign(other.Id, count: 1);
        Look();
        other.Kill();
        other.WaitForExit();
        var message = Fails();
        Assert.Contains($"rank 1 (process {other.Id} on {Environment.MachineName}) is gone, killed or crashed, last seen after step 7, forward pass", message, StringComparison.Ordinal);
        Assert.Contains("the same command goes on from the last checkpoint", message, StringComparison.Ordinal);
    }

    [Fact]
    public void AStoppedProcessIsGivenUpWhenItsTimeIsOver()
    {
        using var other = Process.Start("sleep", "60");
        try
        {
            Process.Start("kill", ["-STOP", $"{other.Id}"]).WaitForExit();
            Sign(other.Id, count: 1);
            Look(); // it may go on
            Assert.Contains($"rank 1 (process {other.Id} on {Environment.MachineName}) is stopped (SIGSTOP) for 1.5 s", Fails(), StringComparison.Ordinal);
        }
        finally
        {
            other.Kill();
        }
    }

    [Fact]
    public void AnErrorOfAnotherIsPassedOn()
    {
        Sign(Environment.ProcessId, count: 1, ended: "a.jpg: cannot be read");
        Assert.Contains("has ended: a.jpg: cannot be read", Fails(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhoWasEndedByAThirdNamesTheThird()
    {
        Sign(Environment.ProcessId, count: 1, ended: "rank 3 is gone", byOther: true);
        Assert.Equal("rank 3 is gone", Fails());
    }

    [Fact]
    public void OneThatNeverCameIsSaidToSeeAnotherFolder() =>
        Assert.Contains("let the run directory be on a disk that all machines share", Fails(), StringComparison.Ordinal);

    [Fact]
    public void WhatAnEarlierStartLeftIsNotLookedAtAndRemoved()
    {
        var old = RankSign.FileOf(_folder, 1, "two");
        new RankSign(1, "elsewhere", 1, "two", 1, 5, 7, "forward pass") { Ended = "long ago" }.Write(old);
        Look();
        _watch.RemoveOld();
        Assert.False(File.Exists(old));
        Assert.True(File.Exists(RankSign.FileOf(_folder, 0, Session)));
    }

    [Fact]
    public void SignsKeepARankAliveHoweverLongItTakes()
    {
        for (var count = 0; count < 5; count++)
        {
            Sign(process: 1, count, host: "elsewhere");
            Look();
        }

        Assert.Contains("rank 1 (process 1 on elsewhere) has given no sign of life for 1.5 s", Fails(), StringComparison.Ordinal);
    }

    [Fact]
    public void AProcessThatLivesHereAndCannotWriteIsNotGivenUp()
    {
        Sign(Environment.ProcessId, count: 1);
        for (var i = 0; i < 6; i++)
        {
            Look(); // 3.6 s without another sign
        }
    }

    /// <summary>Two containers of a name: the number says nothing of a process in the other one.</summary>
    [Fact]
    public void ProcessesOfAnotherMachineOfTheSameNameAreNotLookedFor()
    {
        new RankSign(1, Environment.MachineName, 999_999_999, Session, 1, 5, 7, "forward pass") { Machine = "another" }
            .Write(RankSign.FileOf(_folder, 1, Session));
        Look();
    }

    [Fact]
    public void TimeInWhichNobodyLookedIsNoSilence()
    {
        Sign(process: 1, count: 1, host: "elsewhere");
        Look();
        Thread.Sleep(2 * _silence);
        Look(); // the file was not read meanwhile
    }

    /// <summary>Else the watchdog would end those that wait for one that works; but not where all wait for each other.</summary>
    [Fact]
    public void OthersThatGetOnKeepThisOneFromLookingHung()
    {
        Sign(Environment.ProcessId, count: 1, beats: 5);
        Look();
        var (beats, signed) = (_heartbeat.Beats, Own().Beats);
        Sign(Environment.ProcessId, count: 2, beats: 6);
        Look();
        Assert.Equal(beats + 1, _heartbeat.Beats);
        Sign(Environment.ProcessId, count: 3, beats: 6);
        Look();
        Assert.Equal(beats + 1, _heartbeat.Beats);
        Thread.Sleep(_betweenLooks);
        Assert.Equal(signed, Own().Beats);
    }

    [Fact]
    public void ItsOwnSignsSayWhatItDoes()
    {
        _heartbeat.StepDone(12);
        _heartbeat.Beat("backward pass");
        var first = Own();
        Thread.Sleep(_betweenLooks);
        var second = Own();
        Assert.True(second.Count > first.Count);
        Assert.Equal((12, "backward pass", Environment.ProcessId), (second.Step, second.Doing, second.Process));
        _watch.End(new DataException("b.jpg: cannot be read"));
        Assert.Equal(("b.jpg: cannot be read", false), (Own().Ended, Own().EndedByOther));
    }

    private RankSign Own() => RankSign.TryRead(RankSign.FileOf(_folder, 0, Session))!;

    private void Sign(int process, long count, string? ended = null, bool byOther = false, string? host = null, long beats = 5) =>
        new RankSign(1, host ?? Environment.MachineName, process, Session, count, beats, 7, "forward pass")
        {
            Ended = ended,
            EndedByOther = byOther,
            Machine = host is null ? ProcessStates.View : "another machine",
        }.Write(RankSign.FileOf(_folder, 1, Session));

    private void Look()
    {
        Thread.Sleep(_betweenLooks);
        _ranks.LookAtRanks!();
    }

    /// <summary>Looks until it fails, a little longer than it may take.</summary>
    private string Fails() => Assert.Throws<CommunicationException>(() =>
    {
        for (var i = 0; i < 8; i++)
        {
            Look();
        }
    }).Message;

    private sealed class Fake : PretendedRanks;
}

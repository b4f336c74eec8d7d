using System.Diagnostics;

using SelfSup.Hosting.Supervision;
using SelfSup.Tests.Support;
using SelfSup.Training;

namespace SelfSup.Tests.Hosting;

/// <summary>Of a run of several ranks; that of one process is watched in the integration tests.</summary>
public sealed class SupervisorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ARunThatLosesItsRankTwiceGoesOnWithoutIt()
    {
        // GPU 5 is broken: the run cannot begin with it.
        var (exitCode, givenUp) = Run(least: 2, restarts: 3, "[ $SELFSUP_DEVICE = 5 ] && kill -KILL $$; [ $WORLD_SIZE = 4 ] && exit 6; exit 0");
        Assert.Equal((0, null), (exitCode, givenUp));
        Assert.Equal(
            [
                "the run died (rank 1: SIGKILL); it is started again in 1 s from its beginning on 4 ranks (restart 1 of 3)",
                "the run died (rank 1: SIGKILL); it is started again in 4 s from its beginning on 2 ranks in place of 4, without rank 1 (GPU 5) (restart 2 of 3)",
            ],
            _warnings);
        var history = History();
        Assert.Equal(
            [RunEventKind.Died, RunEventKind.Restarted, RunEventKind.Died, RunEventKind.Restarted], history.Select(e => e.Event));
        Assert.Equal((1, "SIGKILL"), (history[0].Rank, history[0].Signal));
        Assert.Equal([4, 2], history.Where(e => e.Event == RunEventKind.Restarted).Select(e => e.Ranks));
        Assert.Contains("on 2 ranks in place of 4, without rank 1 (GPU 5)", history[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARankThatTheOthersNameIsTheOneThatIsLeftOut()
    {
        // None dies: the library lost a GPU, and rank 0 has written down whose.
        var failed = RunHistoryLine(new RunEvent(RunEventKind.Failed) { Message = "rank 2 on here is gone", Rank = 2, ExitCode = 6 });
        var (exitCode, _) = Run(
            least: 1, restarts: 3, $"[ $WORLD_SIZE = 4 ] || exit 0; [ $RANK = 0 ] && echo '{failed}' >> {_folder.File("history.jsonl")}; exit 6");
        Assert.Equal(0, exitCode);
        Assert.Contains("on 2 ranks in place of 4, without rank 2 (GPU 6)", _warnings[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void ARunWhoseRanksAllFailAlikeKeepsThemAndIsGivenUp()
    {
        var (exitCode, givenUp) = Run(least: 1, restarts: 1, "exit 5");
        Assert.Equal(5, exitCode);
        Assert.Contains("its one restart is used; the last time: rank ", givenUp, StringComparison.Ordinal);
        Assert.Contains("exit code 5", givenUp, StringComparison.Ordinal);
        Assert.Equal(4, Assert.Single(History(), e => e.Event == RunEventKind.Restarted).Ranks);
    }

    [Fact]
    public void AMistakeOfOneRankIsNotTriedAgain()
    {
        Assert.Equal((2, null), Run(least: null, restarts: 3, "[ $RANK = 3 ] && exit 2; sleep 0.2; exit 6"));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void WithoutRestartsALostRankEndsTheRun()
    {
        var (exitCode, givenUp) = Run(least: null, restarts: 0, "[ $RANK = 3 ] && kill -KILL $$; sleep 0.2; exit 6");
        Assert.Equal(137, exitCode);
        Assert.Equal("the run died (rank 3: SIGKILL); the same command goes on from its last checkpoint", givenUp);
    }

    private (int ExitCode, string? GivenUp) Run(int? least, int restarts, string script)
    {
        var starter = new RankStarter(new ProcessStartInfo("/bin/sh", ["-c", script]), new RankDevices([4, 5, 6, 7], 4), mpi: null)
        {
            Least = least,
            GlobalBatch = 256,
        };
        using var supervisor = new Supervisor(starter, _folder.Path, new RestartPolicy(restarts), _warnings.Add, TimeProvider.System);
        return supervisor.Run();
    }

    private IReadOnlyList<RunEvent> History() => RunHistory.Read(_folder.File("history.jsonl"));

    /// <summary>The line of an event as a run writes it.</summary>
    private string RunHistoryLine(RunEvent happened)
    {
        new RunHistory(_folder.File("line"), TimeProvider.System, _warnings.Add).Add(happened);
        return File.ReadAllText(_folder.File("line")).TrimEnd();
    }
}

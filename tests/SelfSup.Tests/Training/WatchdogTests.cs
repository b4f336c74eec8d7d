using SelfSup.Errors;
using SelfSup.Tests.Support;
using SelfSup.Training;

namespace SelfSup.Tests.Training;

public sealed class WatchdogTests : IDisposable
{
    private static readonly HangOptions _stops = new(TimeSpan.FromMilliseconds(100), OnHang.Stop) { Patience = TimeSpan.FromMilliseconds(50) };

    private readonly TemporaryFolder _folder = new();
    private readonly Response _response = new();

    public void Dispose()
    {
        _folder.Dispose();
        _response.Dispose();
    }

    /// <summary>Often the terminal is what hangs, such as a pager that nobody reads on in.</summary>
    [Fact]
    public void ATerminalThatIsStuckDoesNotKeepTheProcessFromEnding()
    {
        using var terminal = new StuckTerminal();
        using (Start(_stops, terminal))
        {
            var error = _response.Ended(TestContext.Current.CancellationToken);
            Assert.Equal("no step was finished for 0.1 s (since step 12; loss); the process ends (run.onHang: stop); the same command goes on from the last checkpoint", error.Message);
        }

        Assert.True(terminal.WasCalled);
        var history = RunHistory.Read(RunDirectory.HistoryOf(_folder.Path));
        Assert.Equal([RunEventKind.Hung, RunEventKind.Failed], history.Take(2).Select(e => e.Event));
        Assert.Equal("no step was finished for 0.1 s (since step 12; loss); stacks are here", history[0].Message);
        Assert.Equal((12, 5), (history[1].Step, history[1].ExitCode));
    }

    [Fact]
    public void NobodyWatchesWhereItIsTurnedOff()
    {
        using var terminal = new StuckTerminal();
        Assert.Null(Start(new HangOptions(TimeSpan.Zero, OnHang.Stop), terminal));
    }

    private Watchdog? Start(HangOptions options, IRunProgress progress)
    {
        var controls = new RunControls { OnHang = _response };
        controls.Heartbeat.StepDone(12);
        controls.Heartbeat.Beat("loss");
        return Watchdog.Start(
            controls,
            options,
            new RunHistory(RunDirectory.HistoryOf(_folder.Path), TimeProvider.System, Assert.Fail),
            progress,
            _folder.Path,
            TimeProvider.System);
    }

    private sealed class Response : IHangResponse, IDisposable
    {
        private readonly ManualResetEventSlim _ended = new();
        private TrainingException? _error;

        public string WriteStacks(string path) => "stacks are here";

        public void End(TrainingException error)
        {
            _error = error;
            _ended.Set();
        }

        public TrainingException Ended(CancellationToken cancellationToken)
        {
            _ended.Wait(cancellationToken);
            return _error!;
        }

        public void Dispose() => _ended.Dispose();
    }

    private sealed class StuckTerminal : IRunProgress, IDisposable
    {
        private readonly ManualResetEventSlim _free = new();

        public bool WasCalled { get; private set; }

        public void Started(RunStart start)
        {
        }

        public void Stepped(StepProgress progress)
        {
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

        public void Warn(string message)
        {
            WasCalled = true;
            _free.Wait();
        }

        public void Dispose() => _free.Set();
    }
}

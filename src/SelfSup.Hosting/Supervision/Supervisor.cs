using System.Globalization;
using System.Runtime.InteropServices;

using SelfSup.Checkpoints;
using SelfSup.Training;

namespace SelfSup.Hosting.Supervision;

/// <summary>
/// Starts the process that trains a run, and starts it again when it dies. It holds neither the run's directory nor libtorch,
/// so that nothing that ends a run ends it too.
/// </summary>
/// <param name="start">What trains: a process, or one for each rank.</param>
/// <param name="directory">The run directory.</param>
/// <param name="policy">Whether and when it is started again.</param>
/// <param name="warn">Told what goes wrong, but stops nothing.</param>
/// <param name="time">The clock.</param>
internal sealed class Supervisor(
    IRunStarter start, string directory, RestartPolicy policy, Action<string> warn, TimeProvider time) : IDisposable
{
    private readonly RunHistory _history = new(RunDirectory.HistoryOf(directory), time, warn);
    private readonly CheckpointStore _checkpoints = RunDirectory.CheckpointsOf(directory);
    private readonly ManualResetEventSlim _stopped = new();
    private readonly Lock _gate = new();
    private IRunProcess? _process;
    private PosixSignal? _stop;
    private int _stops;

    /// <summary>Watches over the run until it has ended for good.</summary>
    /// <returns>The exit code, and why it was given up or null.</returns>
    public (int ExitCode, string? GivenUp) Run()
    {
        var newest = NewestStep();
        while (true)
        {
            var before = RunHistory.Read(RunDirectory.HistoryOf(directory)).Count;
            var end = RunOnce();
            if (IsOrderly(end.ExitCode))
            {
                return (end.ExitCode, null);
            }

            var (reason, lost) = Died(end, before);
            if (_stopped.IsSet)
            {
                return (end.ExitCode, null);
            }

            if (policy.Most == 0)
            {
                return (end.ExitCode, reason == Ended(end) ? $"the run died ({reason}); the same command goes on from its last checkpoint" : null);
            }

            var step = NewestStep();
            var verdict = policy.Died(step > newest);
            newest = step;
            if (verdict.GivenUp is { } why)
            {
                return (end.ExitCode, GiveUp(end.ExitCode, step, why, reason));
            }

            var on = OnRanks(verdict, lost);
            var again = Again();
            warn($"the run died ({Ended(end)}); it is started again in {Seconds(verdict.Pause)} from " +
                $"{(step > 0 ? $"the checkpoint of step {Text(step)}" : "its beginning")}{on} ({again})");
            if (_stopped.Wait(verdict.Pause))
            {
                var signal = Signals.Stop(_stop!.Value);
                Add(new RunEvent(RunEventKind.Stopped) { Step = step, Signal = signal.Name, ExitCode = signal.ExitCode });
                return (signal.ExitCode, null);
            }

            Add(new RunEvent(RunEventKind.Restarted) { Step = step, Message = again + on, Ranks = start.Ranks > 1 || on.Length > 0 ? start.Ranks : null });
        }
    }

    /// <summary>A signal came. May be called from any thread.</summary>
    public void Signal(PosixSignal signal)
    {
        lock (_gate)
        {
            if (signal == Signals.User1)
            {
                _process?.Tell(SupervisorLink.Checkpoint);
                return;
            }

            _stop ??= signal;
            if (++_stops > 2)
            {
                _process?.Kill(); // it has not ended though it was told to end at once
            }
            else
            {
                _process?.Tell(Byte(signal));
            }
        }

        _stopped.Set();
    }

    /// <inheritdoc/>
    public void Dispose() => _stopped.Dispose();

    /// <summary>Whether a process ended as it should: to start it again would not help, or is not wanted.</summary>
    private static bool IsOrderly(int exitCode) => exitCode is 0 or 2 or 4
        || exitCode == Signals.Stop(PosixSignal.SIGINT).ExitCode || exitCode == Signals.Stop(PosixSignal.SIGTERM).ExitCode;

    private RunEnd RunOnce()
    {
        using var process = start.Start();
        lock (_gate)
        {
            _process = process;
            if (_stop is { } signal)
            {
                process.Tell(Byte(signal)); // it came while the process was being started
            }
        }

        var end = process.Wait();
        lock (_gate)
        {
            _process = null;
        }

        return end;
    }

    /// <summary>Writes a death down, where the process has not done so itself.</summary>
    /// <returns>What it died of, and the rank that was lost, if one was.</returns>
    private (string Reason, int? Lost) Died(RunEnd end, int linesBefore)
    {
        RunEvent[] events = [.. RunHistory.Read(RunDirectory.HistoryOf(directory)).Skip(linesBefore)];
        var lost = end.Lost ?? events.LastOrDefault(e => e is { Event: RunEventKind.Failed, Rank: not null })?.Rank;
        var said = events is [.., { Event: RunEventKind.Failed, Message: { } message }] ? message : null;
        var signal = Signals.Name(end.ExitCode);
        if (said is null || (signal is not null && end.Rank is not null)) // of ranks those may have spoken that live on
        {
            Add(new RunEvent(RunEventKind.Died)
            {
                Step = NewestStep(),
                Rank = end.Rank,
                Signal = signal,
                ExitCode = signal is null ? end.ExitCode : null,
            });
        }

        return (said ?? Ended(end), lost);
    }

    /// <summary>On how many ranks the run goes on: on fewer, if it may, where it died a second time of having lost one.</summary>
    private string OnRanks(RestartVerdict verdict, int? lost)
    {
        var before = start.Ranks;
        if (verdict.IsRepeated && lost is { } rank && start.GoOnWithout(rank) is { } without)
        {
            policy.GoesOnWithFewer();
            return $" on {(start.Ranks == 1 ? "one rank" : $"{Text(start.Ranks)} ranks")} in place of {Text(before)}, without {without}";
        }

        return before > 1 ? $" on {Text(before)} ranks" : "";
    }

    private string GiveUp(int exitCode, long step, string why, string reason)
    {
        var starts = policy.Restarts + 1;
        var message = $"the run died {(starts == 1 ? "once" : $"{Text(starts)} times")} and is not started again, {why}; " +
            $"the last time: {reason}; mend that and give the same command again";
        Add(new RunEvent(RunEventKind.GivenUp) { Step = step, Message = message, ExitCode = exitCode });
        return message;
    }

    private static string Ended(RunEnd end) =>
        $"{(end.Rank is { } rank ? $"rank {Text(rank)}: " : "")}{Signals.Name(end.ExitCode) ?? $"exit code {Text(end.ExitCode)}"}";

    private string Again() => $"restart {Text(policy.Restarts)} of {Text(policy.Most)}";

    /// <summary>Steps of the newest checkpoint; 0 where there is none.</summary>
    private long NewestStep()
    {
        foreach (var path in _checkpoints.Paths.Reverse())
        {
            try
            {
                return CheckpointManifest.Read(path).Step;
            }
            catch (Errors.CheckpointException)
            {
                // Damaged: the run takes the one before too.
            }
        }

        return 0;
    }

    /// <summary>Adds to the history, where there is one already: a run that did not come so far has no directory.</summary>
    private void Add(RunEvent happened)
    {
        if (Directory.Exists(directory))
        {
            _history.Add(happened);
        }
    }

    private static byte Byte(PosixSignal signal) => signal == PosixSignal.SIGINT ? SupervisorLink.Interrupt : SupervisorLink.Terminate;

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s");

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

using System.Globalization;

using SelfSup.Errors;
using SelfSup.Telemetry;

namespace SelfSup.Training;

/// <summary>
/// Notices that a run no longer moves: a deadlock in a library, a disk that answers nothing, a driver that waits for ever.
/// It says where all threads stand, and may end the process. Whatever it does may itself hang on the same disk or terminal,
/// so it waits for none of it without limit.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan _shortestLook = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan _longestLook = TimeSpan.FromSeconds(5);

    private readonly Heartbeat _heartbeat;
    private readonly HangOptions _options;
    private readonly IHangResponse _response;
    private readonly RunHistory _history;
    private readonly IRunProgress _progress;
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly TimeSpan _look;
    private readonly ManualResetEvent _ended = new(false);
    private readonly Thread _thread;

    private Watchdog(
        Heartbeat heartbeat,
        HangOptions options,
        IHangResponse response,
        RunHistory history,
        IRunProgress progress,
        string folder,
        TimeProvider time)
    {
        (_heartbeat, _options, _response, _history, _progress) = (heartbeat, options, response, history, progress);
        (_folder, _time) = (folder, time);
        _look = options.After / 20;
        _look = _look < _shortestLook ? _shortestLook : _look > _longestLook ? _longestLook : _look;
        _thread = new Thread(Watch) { IsBackground = true, Name = "watchdog" };
        _thread.Start();
    }

    /// <summary>Begins to watch; null where nobody wants it, or nobody could do anything.</summary>
    /// <param name="controls">The run's signs of life, and what the program can do.</param>
    /// <param name="options">What a hang is, and what to do then.</param>
    /// <param name="history">Where it is written down.</param>
    /// <param name="progress">Where it is said.</param>
    /// <param name="folder">Where the stacks go.</param>
    /// <param name="time">The clock.</param>
    public static Watchdog? Start(
        RunControls controls, HangOptions options, RunHistory history, IRunProgress progress, string folder, TimeProvider time) =>
        options.After > TimeSpan.Zero && controls.OnHang is { } response
            ? new Watchdog(controls.Heartbeat, options, response, history, progress, folder, time)
            : null;

    /// <summary>The run has ended.</summary>
    public void Dispose()
    {
        _ended.Set();
        _thread.Join();
        _ended.Dispose();
    }

    private void Watch()
    {
        var silence = new Silence(_options.After, _look);
        var last = _time.GetTimestamp();
        while (!_ended.WaitOne(_look)) // nothing is allocated here: collections are put off while a step is under way
        {
            var now = _time.GetTimestamp();
            var beats = _heartbeat.Beats;
            if (silence.IsTooLong(beats, _time.GetElapsedTime(last, now)))
            {
                Report(beats);
                now = _time.GetTimestamp();
            }

            last = now;
        }
    }

    private void Report(long beats)
    {
        var (step, what) = (_heartbeat.Step, What());
        var name = $"stacks-{_time.GetUtcNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}.txt";
        var message = $"{what}; {_response.WriteStacks(Path.Combine(_folder, name))}";
        Within(() => _history.Add(new RunEvent(RunEventKind.Hung) { Step = step, Message = message }));
        Within(() => _progress.Warn(message));
        if (_options.Then == OnHang.Report || _heartbeat.Beats != beats || _ended.WaitOne(0))
        {
            return; // it may have moved while its stacks were taken
        }

        var error = new TrainingException($"{what}; the process ends (run.onHang: stop); the same command goes on from the last checkpoint");
        Within(() => _history.Add(RunEnding.Failed(error, step)));
        _response.End(error);
    }

    private string What() =>
        $"no step was finished for {Duration(_options.After)} (since step {_heartbeat.Step.ToString(CultureInfo.InvariantCulture)}; {_heartbeat.Doing})";

    private static string Duration(TimeSpan time) => time.TotalMinutes >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0.##} min")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.##} s");

    /// <summary>Does something on a thread of its own, and waits for it no longer than for what may be stuck as well.</summary>
    private void Within(Action action)
    {
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (IOException)
            {
                // A terminal that is gone must not end a run that may go on.
            }
        })
        {
            IsBackground = true,
            Name = "hang report",
        };
        thread.Start();
        thread.Join(_options.Patience);
    }
}

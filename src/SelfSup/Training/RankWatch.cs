using System.Globalization;

using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Telemetry;

namespace SelfSup.Training;

/// <summary>
/// Tells other ranks that this one lives, and notices when one of them does not: its process is gone, it was stopped, its machine
/// does not answer, or it has ended with an error. Whoever waits in a collective operation looks, and ends with a message that
/// names rank, machine and cause, where the operation itself would wait for ever. Signs are files in the run directory: they
/// need no library, and tell of ranks that can no longer speak.
/// </summary>
internal sealed class RankWatch : IDisposable
{
    private const int MostWatched = 16; // of the next ranks, beside the first: with many, each is watched by some

    private static readonly TimeSpan _look = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan _longestSign = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly string _session;
    private readonly Communicator _communicator;
    private readonly Heartbeat _heartbeat;
    private readonly TimeSpan _silence;
    private readonly TimeProvider _time;
    private readonly ManualResetEventSlim _ended = new();
    private readonly Thread _thread;
    private readonly Other[] _others;
    private readonly Lock _gate = new();
    private readonly Lock _looking = new();
    private long _lastLook;
    private long _lastSign;
    private long _beatsOfOthers;
    private long _borrowed; // beats of this rank that say no more than that others got on
    private long _count;
    private string? _endedBy;
    private bool _endedByOther;
    private int? _gone;

    /// <summary>Begins to give signs, and to look whenever the communicator waits.</summary>
    /// <param name="directory">The run directory, which all ranks must see.</param>
    /// <param name="session">The same for all ranks of this start, and for no other.</param>
    /// <param name="communicator">The ranks.</param>
    /// <param name="heartbeat">What this one does.</param>
    /// <param name="silence">How long another may give no sign.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RecipeException">The run directory cannot be written.</exception>
    public RankWatch(
        string directory, string session, Communicator communicator, Heartbeat heartbeat, TimeSpan silence, TimeProvider time)
    {
        (_directory, _session, _communicator, _heartbeat) = (directory, session, communicator, heartbeat);
        (_silence, _time) = (silence, time);
        var now = time.GetTimestamp();
        _lastLook = now;
        _others = [.. Watched(communicator.Rank, communicator.Ranks).Select(rank => new Other(rank, RankSign.FileOf(directory, rank, session), now))];
        try
        {
            Directory.CreateDirectory(RankSign.FolderOf(directory));
            Sign();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{directory}: the run directory cannot be written ({e.Message}); choose another with --run");
        }

        _thread = new Thread(GiveSigns) { IsBackground = true, Name = "rank signs" };
        _thread.Start();
        communicator.LookAtRanks = Look;
    }

    /// <summary>Removes what earlier starts of the run have left.</summary>
    public void RemoveOld()
    {
        try
        {
            foreach (var file in Directory.EnumerateFiles(RankSign.FolderOf(_directory), "rank-*.json*")
                .Where(file => !Path.GetFileName(file).Contains($".{_session}.", StringComparison.Ordinal)).ToArray())
            {
                File.Delete(file);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // They are not looked at.
        }
    }

    /// <summary>This rank ends with an error: the others are told of it.</summary>
    public void End(Exception error)
    {
        lock (_gate)
        {
            _endedBy = error.Message.ReplaceLineEndings(" ");
            _endedByOther = error is CommunicationException { Rank: not null };
            _gone = (error as CommunicationException)?.Rank;
        }

        try
        {
            Sign();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // They will notice that this one gives no more signs.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _communicator.LookAtRanks = null;
        _ended.Set();
        _thread.Join();
        _ended.Dispose();
        if (_endedBy is null)
        {
            try
            {
                File.Delete(RankSign.FileOf(_directory, _communicator.Rank, _session));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The next start removes it.
            }
        }
    }

    /// <summary>Looks at the others, now and then.</summary>
    /// <exception cref="CommunicationException">One is gone.</exception>
    internal void Look()
    {
        lock (_looking) // a checkpoint waits for other ranks too, on a thread of its own
        {
            var now = _time.GetTimestamp();
            if (_time.GetElapsedTime(_lastLook, now) < _look)
            {
                return;
            }

            // Time in which nobody looked, or in which the disk stood still for this rank too, does not count as silence of others.
            var forgives = _time.GetElapsedTime(_lastLook, now) > _silence / 2
                || _time.GetElapsedTime(Interlocked.Read(ref _lastSign), now) > _silence / 2;
            foreach (var other in _others)
            {
                if (other.Missing(_session, _time, _silence, forgives) is { } why)
                {
                    throw new CommunicationException(why) { Rank = other.Gone };
                }
            }

            _lastLook = _time.GetTimestamp();
            var beats = _others.Sum(other => other.Beats);
            if (beats != _beatsOfOthers)
            {
                _beatsOfOthers = beats;
                Interlocked.Increment(ref _borrowed);
                _heartbeat.Beat("waiting for other ranks"); // which get on: this one does not hang
            }
        }
    }

    private static IEnumerable<int> Watched(int rank, int ranks) =>
        Enumerable.Range(1, Math.Min(ranks - 1, MostWatched)).Select(i => (rank + i) % ranks).Append(0).Where(other => other != rank).Distinct();

    private void GiveSigns()
    {
        var every = _silence / 10 < _longestSign ? _silence / 10 : _longestSign;
        while (!_ended.Wait(every))
        {
            try
            {
                Sign();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A disk that refuses once may take the next; if it does not, the others will say so.
            }
        }
    }

    private void Sign()
    {
        lock (_gate)
        {
            new RankSign(
                _communicator.Rank, Environment.MachineName, Environment.ProcessId, _session, _count++,
                _heartbeat.Beats - Interlocked.Read(ref _borrowed), _heartbeat.Step, _heartbeat.Doing)
            {
                Machine = ProcessStates.View,
                Ended = _endedBy,
                EndedByOther = _endedByOther,
                Gone = _gone,
            }.Write(RankSign.FileOf(_directory, _communicator.Rank, _session));
            Interlocked.Exchange(ref _lastSign, _time.GetTimestamp());
        }
    }

    /// <summary>Another rank, as its signs show it.</summary>
    private sealed class Other(int rank, string path, long since)
    {
        private RankSign? _last;
        private long _changed = since;

        /// <summary>How often it got on.</summary>
        public long Beats => _last?.Beats ?? 0;

        /// <summary>Which rank is gone: this one, or the one it names.</summary>
        public int Gone => _last?.Gone ?? rank;

        /// <summary>Why it is given up, or null.</summary>
        public string? Missing(string session, TimeProvider time, TimeSpan silence, bool forgives)
        {
            var sign = RankSign.TryRead(path); // which may take long
            var now = time.GetTimestamp();
            if (sign is not null && sign.Session == session && (_last is null || sign.Count != _last.Count))
            {
                (_last, _changed) = (sign, now);
            }

            if (_last is { Ended: { } message } ended)
            {
                return ended.EndedByOther ? message : $"{Name(ended)} has ended: {message}";
            }

            var state = _last is { Machine: { } machine } && machine == ProcessStates.View ? ProcessStates.Of(_last.Process) : ProcessState.Unknown;
            if (state == ProcessState.Gone)
            {
                return $"{Name(_last!)} is gone, killed or crashed, {Where(_last!)}; the same command goes on from the last checkpoint";
            }

            if (state == ProcessState.Lives || forgives)
            {
                _changed = now; // a process that lives here and cannot write has the disk against it
            }

            if (time.GetElapsedTime(_changed, now) < silence)
            {
                return null;
            }

            var text = string.Create(CultureInfo.InvariantCulture, $"{silence.TotalSeconds:0.#} s (ranks.silenceSeconds)");
            return _last is null
                ? $"rank {rank}: has given no sign of life in {Path.GetDirectoryName(path)} for {text}: it has ended, or its machine does not see "
                    + "this folder; see its log, and let the run directory be on a disk that all machines share"
                : $"{Name(_last)} {(state == ProcessState.Stopped ? "is stopped (SIGSTOP)" : "has given no sign of life")} for {text}, {Where(_last)}; "
                    + "the same command goes on from the last checkpoint";
        }

        private static string Name(RankSign sign) =>
            string.Create(CultureInfo.InvariantCulture, $"rank {sign.Rank} (process {sign.Process} on {sign.Host})");

        private static string Where(RankSign sign) =>
            string.Create(CultureInfo.InvariantCulture, $"last seen after step {sign.Step}, {sign.Doing}");
    }
}

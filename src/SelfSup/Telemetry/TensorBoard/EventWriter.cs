using System.Globalization;

using SelfSup.Checkpoints;

using SelfSup.Telemetry.TensorBoard.Schema;

namespace SelfSup.Telemetry.TensorBoard;

/// <summary>
/// Writes events on a thread of its own, every few seconds, so that no step waits for a disk or for a picture to be drawn. Where
/// the disk refuses, events wait in memory and are written when they can be. Nothing that happens here ends the run.
/// </summary>
internal sealed class EventWriter : IDisposable
{
    /// <summary>Events that wait at most; the oldest are given up.</summary>
    private const int MostWaiting = 100_000;

    private static readonly TimeSpan _beat = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);

    private readonly EventFolder _folder;
    private readonly string _path;
    private readonly Action _before;
    private readonly byte[] _head;
    private readonly TimeProvider _time;
    private readonly Action<string> _warn;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Queue<Event> _events = new();
    private readonly Queue<Func<double, Event?>> _drawings = new();
    private readonly Queue<byte[]> _waiting = new(); // of the thread
    private readonly List<ManualResetEventSlim> _flushes = [];
    private bool _hasDrawings; // of the thread
    private FileStream? _file;
    private string? _name; // of this process's file, once it has begun
    private long _whole; // bytes of it that are whole records
    private long _givenUp; // events, since the disk refused the first
    private bool _ends;
    private long? _failedAt;

    /// <param name="path">The folder.</param>
    /// <param name="isMadeAgain">Says of the events there whether the run makes them again.</param>
    /// <param name="step">The first step that it makes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="warn">Told when events cannot be written, and when they can be again. From another thread.</param>
    public EventWriter(string path, Func<Event, bool> isMadeAgain, long step, TimeProvider time, Action<string> warn)
    {
        (_path, _time, _warn) = (path, time, warn);
        _folder = new EventFolder(path);
        _before = () => _folder.Cut(isMadeAgain);
        // Who has the files before open gives up what was written there of this step and later ones.
        _head =
        [
            .. EventRecord.Frame(new Event
            {
                WallTime = Seconds,
                FileVersion = "brain.Event:2",
                SourceMetadata = new SourceMetadata { Writer = "selfsup" },
            }),
            .. EventRecord.Frame(new Event
            {
                WallTime = Seconds,
                Step = step,
                SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start },
            }),
        ];
        _thread = new Thread(Work) { IsBackground = true, Name = "TensorBoard" };
        _thread.Start();
    }

    /// <summary>Now, in seconds since 1970.</summary>
    public double Seconds => _time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    /// <summary>Has values written.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="values">The values.</param>
    public void Add(long step, params IEnumerable<Summary.Types.Value> values)
    {
        var summary = new Summary { Value = { values } };
        lock (_gate)
        {
            _events.Enqueue(new Event { WallTime = Seconds, Step = step, Summary = summary }); // in the order of time
            if (_events.Count > MostWaiting)
            {
                _ = _events.Dequeue();
                _ = Interlocked.Increment(ref _givenUp);
            }
        }
    }

    /// <summary>Has something done on the thread that writes, when there is nothing else to do: what takes long.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="make">Makes a value, or does something and makes none; what it cannot do is said and left out.</param>
    public void Add(long step, Func<Summary.Types.Value?> make)
    {
        lock (_gate)
        {
            _drawings.Enqueue(seconds => make() is { } value ? new Event { WallTime = seconds, Step = step, Summary = new Summary { Value = { value } } } : null);
        }
    }

    /// <summary>
    /// Waits until all values that were handed over are on disk, or the disk has refused them; not for what takes long, but for one of
    /// these that has begun. From any thread.
    /// </summary>
    public void FlushToDisk()
    {
        using var done = new ManualResetEventSlim();
        lock (_gate)
        {
            if (_ends)
            {
                return;
            }

            _flushes.Add(done);
        }

        _ = _wake.Release();
        done.Wait();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_ends)
            {
                return;
            }

            _ends = true;
        }

        _ = _wake.Release();
        _thread.Join();
        Close();
        _wake.Dispose();
    }

    private void Work()
    {
        for (var ends = false; !ends;)
        {
            _ = _wake.Wait(_hasDrawings ? TimeSpan.Zero : _beat);
            Event[] events;
            ManualResetEventSlim[] flushes;
            Func<double, Event?>? drawing;
            double now;
            lock (_gate)
            {
                now = Seconds; // later than all that is taken out, and not than what comes
                (events, flushes) = ([.. _events], [.. _flushes]);
                _events.Clear();
                _flushes.Clear();
                drawing = flushes.Length == 0 && _drawings.TryDequeue(out var next) ? next : null;
                _hasDrawings = _drawings.Count > 0;
                ends = _ends && drawing is null && !_hasDrawings;
            }

            try
            {
                Round(events, drawing, now, durably: ends || flushes.Length > 0);
            }
            catch (Exception e)
            {
                Say($"something is left out there ({e.Message}); training goes on");
            }
            finally
            {
                Array.ForEach(flushes, done => done.Set());
            }
        }
    }

    private void Round(Event[] events, Func<double, Event?>? drawing, double now, bool durably)
    {
        foreach (var happened in events)
        {
            Enqueue(happened);
        }

        if (drawing is not null)
        {
            try
            {
                if (drawing(now) is { } drawn)
                {
                    Enqueue(drawn);
                }
            }
            catch (Exception e)
            {
                Say($"something is left out there ({e.Message}); training goes on");
            }
        }

        if ((_waiting.Count > 0 || durably || _name is null) && (durably || _failedAt is not { } at || _time.GetElapsedTime(at) >= _pause))
        {
            Write(durably);
        }
    }

    private void Enqueue(Event happened)
    {
        _waiting.Enqueue(EventRecord.Frame(happened));
        if (_waiting.Count > MostWaiting)
        {
            _ = _waiting.Dequeue();
            _ = Interlocked.Increment(ref _givenUp);
        }
    }

    private void Say(string what)
    {
        try
        {
            _warn($"{_path}: {what}");
        }
        catch (Exception)
        {
            // Nobody listens any more, as at a terminal that is gone.
        }
    }

    private void Write(bool durably)
    {
        try
        {
            _file ??= Open();
            while (_waiting.TryPeek(out var first))
            {
                using var records = new MemoryStream();
                records.Write(first);
                var count = 1;
                foreach (var record in _waiting.Skip(1).TakeWhile(_ => records.Length < 1 << 20))
                {
                    records.Write(record);
                    count++;
                }

                _file.Write(records.GetBuffer().AsSpan(0, (int)records.Length));
                _whole = _file.Position;
                for (; count > 0; count--)
                {
                    _ = _waiting.Dequeue();
                }
            }

            if (durably)
            {
                DurableFile.Flush(_file);
            }

            if (_failedAt is not null)
            {
                _failedAt = null;
                var lost = Interlocked.Exchange(ref _givenUp, 0);
                Say($"can be written again; {(lost == 0 ? "nothing is missing in it" : string.Create(CultureInfo.InvariantCulture, $"{lost:N0} events are missing in it"))}");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Close();
            if (_failedAt is null)
            {
                Say($"cannot be written ({e.Message}); training goes on, and what belongs there is written when it can be");
            }

            _failedAt = _time.GetTimestamp();
        }
    }

    /// <summary>Opens the file of this process behind its last whole record, or begins it, also where somebody has taken it away.</summary>
    private FileStream Open()
    {
        if (_name is not null && File.Exists(_name))
        {
            var file = new FileStream(_name, FileMode.Open, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0);
            file.SetLength(_whole); // a full disk has taken half a record
            file.Position = _whole;
            return file;
        }

        if (_name is null)
        {
            _before();
        }

        var begun = _folder.Next(_time.GetUtcNow());
        try
        {
            begun.Write(_head);
            DurableFile.FlushFolder(_path);
        }
        catch (IOException)
        {
            begun.Dispose();
            File.Delete(begun.Name);
            throw;
        }

        (_name, _whole) = (begun.Name, begun.Position);
        return begun;
    }

    private void Close()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException)
        {
            // What could not be written was said.
        }

        _file = null;
    }
}

using SelfSup.Checkpoints;

using SelfSup.Telemetry.TensorBoard.Schema;

namespace SelfSup.Telemetry.TensorBoard;

/// <summary>
/// Writes events on a thread of its own, every few seconds, so that no step waits for a disk or for a picture to be drawn. Where
/// the disk refuses, events wait in memory and are written when they can be.
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
    private readonly Queue<Func<Event?>> _work = new();
    private readonly Queue<byte[]> _waiting = new(); // of the thread
    private readonly List<ManualResetEventSlim> _flushes = [];
    private FileStream? _file;
    private bool _hasBegun;
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
        var happened = new Event { WallTime = Seconds, Step = step, Summary = summary };
        Do(() => happened);
    }

    /// <summary>Has something done on the thread that writes: what takes long.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="make">Makes a value, or does something and makes none; what it cannot do is said and left out.</param>
    public void Add(long step, Func<Summary.Types.Value?> make)
    {
        var seconds = Seconds;
        Do(() => make() is { } value ? new Event { WallTime = seconds, Step = step, Summary = new Summary { Value = { value } } } : null);
    }

    /// <summary>Waits until all that was handed over is on disk, or the disk has refused it. From any thread.</summary>
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

    private void Do(Func<Event?> make)
    {
        lock (_gate)
        {
            _work.Enqueue(make);
        }
    }

    private void Work()
    {
        for (var ends = false; !ends;)
        {
            _ = _wake.Wait(_beat);
            Func<Event?>[] work;
            ManualResetEventSlim[] flushes;
            lock (_gate)
            {
                (work, flushes, ends) = ([.. _work], [.. _flushes], _ends);
                _work.Clear();
                _flushes.Clear();
            }

            foreach (var make in work)
            {
                Make(make);
            }

            if ((_waiting.Count > 0 || flushes.Length > 0 || !_hasBegun) && (ends || flushes.Length > 0 || _failedAt is not { } at || _time.GetElapsedTime(at) >= _pause))
            {
                Write(durably: ends || flushes.Length > 0);
            }

            foreach (var done in flushes)
            {
                done.Set();
            }
        }
    }

    private void Make(Func<Event?> make)
    {
        try
        {
            if (make() is { } happened)
            {
                _waiting.Enqueue(EventRecord.Frame(happened));
            }
        }
        catch (Exception e)
        {
            _warn($"{_path}: something is left out there ({e.Message}); training goes on");
        }

        if (_waiting.Count > MostWaiting)
        {
            _ = _waiting.Dequeue();
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

                Append(_file, records.GetBuffer().AsSpan(0, (int)records.Length));
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
                _warn($"{_path}: can be written again; nothing is missing in it");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Close();
            if (_failedAt is null)
            {
                _warn($"{_path}: cannot be written ({e.Message}); training goes on, and what belongs there is written when it can be");
            }

            _failedAt = _time.GetTimestamp();
        }
    }

    private static void Append(FileStream file, ReadOnlySpan<byte> records)
    {
        var whole = file.Position;
        try
        {
            file.Write(records);
        }
        catch (IOException)
        {
            file.SetLength(whole); // a full disk takes half a record
            throw;
        }
    }

    /// <summary>Opens the file of this process behind its last whole record.</summary>
    private FileStream Open()
    {
        if (!_hasBegun)
        {
            _before();
            var begun = _folder.Next(_time.GetUtcNow());
            try
            {
                begun.Write(_head);
            }
            catch (IOException)
            {
                begun.Dispose();
                File.Delete(begun.Name);
                throw;
            }

            _hasBegun = true;
            return begun;
        }

        var file = new FileStream(_folder.Files[^1], FileMode.Open, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0);
        file.Position = file.Length;
        return file;
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

using System.Collections.Concurrent;

using SelfSup.Errors;

namespace SelfSup.Checkpoints;

/// <summary>
/// Writes checkpoints on a thread of its own while training goes on: a snapshot is taken between two steps, the rest happens
/// beside them. One is on its way at most; the next waits for it. A disk that fails is tried again for a while, until there is
/// a newer snapshot to try. Of several ranks each has a writer, whose checkpoints are begun in the same order.
/// </summary>
/// <param name="store">Where they go.</param>
/// <param name="retention">Which are kept.</param>
/// <param name="patience">How long the disk may fail.</param>
/// <param name="time">The clock.</param>
internal sealed class CheckpointWriter(CheckpointStore store, CheckpointRetention retention, TimeSpan patience, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestPause = TimeSpan.FromMinutes(1);

    private readonly StateArchive _snapshot = StateArchive.Saving(defers: true, onlyShards: store.Ranks.Rank > 0); // its memory is kept from one to the next
    private readonly Queue<CheckpointNews> _news = new();
    private readonly ManualResetEventSlim _wanted = new(); // somebody waits for the thread: no pauses any more
    private readonly ManualResetEventSlim _copied = new(initialState: true);
    private readonly ManualResetEventSlim _idle = new(initialState: true);
    private readonly BlockingCollection<Action> _work = new(boundedCapacity: 1);
    private Thread? _thread;
    private Exception? _failure;
    private volatile bool _superseded; // a newer snapshot will be tried, so that this one need not be written
    private long? _failingSince; // of the writing thread
    private CheckpointStage? _stage; // of the newest
    private int _saves;

    /// <summary>Takes the memory of a snapshot beforehand: the first one costs no more than the others then.</summary>
    /// <param name="exchange">The walk over the state.</param>
    public void Reserve(Action<StateArchive> exchange)
    {
        Take(exchange);
        _snapshot.Complete();
    }

    /// <summary>Waits until the snapshot is taken: call it before weights change.</summary>
    public void Settle() => _copied.Wait();

    /// <summary>
    /// Waits for the checkpoint before, takes a snapshot and begins to write it. Weights are copied beside the next forward
    /// pass: <see cref="Settle"/> must come before they change.
    /// </summary>
    /// <param name="manifest">What it says of itself.</param>
    /// <param name="exchange">The walk over the state.</param>
    /// <param name="beforehand">What must be on disk first, or null; called from the writing thread.</param>
    /// <exception cref="TrainingException">The one before could not be written.</exception>
    public void Begin(CheckpointManifest manifest, Action<StateArchive> exchange, Action? beforehand = null)
    {
        _superseded = true;
        Join();
        _superseded = false;
        ThrowIfFailed();
        Take(exchange);
        if (_thread is null)
        {
            _thread = new Thread(Work) { IsBackground = true, Name = "checkpoint" };
            _thread.Start();
        }

        _idle.Reset();
        _copied.Reset();
        var stage = _stage = store.NewStage(manifest.Step, ++_saves, time);
        _work.Add(() =>
        {
            _snapshot.Complete();
            _copied.Set();
            Write(manifest, stage, beforehand);
        });
    }

    /// <summary>What has happened since it was last asked: never waits.</summary>
    public IEnumerable<CheckpointNews> News()
    {
        while (true)
        {
            CheckpointNews news;
            lock (_news)
            {
                if (!_news.TryDequeue(out news!))
                {
                    yield break;
                }
            }

            yield return news;
        }
    }

    /// <summary>Fails if a checkpoint could not be written. Never waits.</summary>
    /// <exception cref="TrainingException">It could not.</exception>
    public void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>Waits until nothing is on its way any more, and does not wait for a disk that fails.</summary>
    /// <exception cref="TrainingException">It could not be written.</exception>
    public void Finish()
    {
        Join();
        ThrowIfFailed();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stage?.Abandon();
        Join();
        _work.CompleteAdding();
        _thread?.Join();
        _work.Dispose();
        _snapshot.Dispose();
        _wanted.Dispose();
        _copied.Dispose();
        _idle.Dispose();
    }

    private void Take(Action<StateArchive> exchange)
    {
        _snapshot.Again();
        exchange(_snapshot);
    }

    private void Join()
    {
        _wanted.Set();
        _idle.Wait();
        _wanted.Reset();
    }

    private void Work()
    {
        foreach (var write in _work.GetConsumingEnumerable())
        {
            try
            {
                write();
            }
            catch (Exception e)
            {
                Volatile.Write(ref _failure, e);
            }
            finally
            {
                _copied.Set();
                _idle.Set();
            }
        }
    }

    private void Write(CheckpointManifest manifest, CheckpointStage stage, Action? beforehand)
    {
        var started = time.GetTimestamp();
        for (var pause = _firstPause; ; pause = pause < _longestPause ? pause * 2 : _longestPause)
        {
            try
            {
                beforehand?.Invoke();
                var path = store.Write(manifest, _snapshot, stage);
                _failingSince = null;
                Tell(new CheckpointNews(
                    manifest.Step,
                    path,
                    time.GetElapsedTime(started),
                    _snapshot.Bytes));
                store.Prune(retention);
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CheckpointException)
            {
                var isNews = _failingSince is null;
                _failingSince ??= time.GetTimestamp();
                var left = patience - time.GetElapsedTime(_failingSince.Value);
                if (left <= TimeSpan.Zero || (_wanted.IsSet && !_superseded))
                {
                    throw Failed(manifest, e);
                }

                if (isNews)
                {
                    Tell(new CheckpointNews(manifest.Step, null, default, 0, Message(manifest, e)));
                }

                if (_superseded)
                {
                    return;
                }

                _ = _wanted.Wait(pause < left ? pause : left);
            }
        }
    }

    private void Tell(CheckpointNews news)
    {
        lock (_news)
        {
            _news.Enqueue(news);
        }
    }

    private string Message(CheckpointManifest manifest, Exception e) =>
        $"{Path.Combine(store.Folder, new CheckpointName(manifest.Step, 1).ToString())}: the checkpoint cannot be written ({e.Message.ReplaceLineEndings(" ")})";

    private TrainingException Failed(CheckpointManifest manifest, Exception e) => new(
        $"{Message(manifest, e)}; make room or mend the folder and give the same command again (last good checkpoint: {Last()})", e);

    private string Last()
    {
        try
        {
            return store.Paths is [.., var newest] ? Path.GetFileName(newest) : "none yet";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"not known, {e.Message}";
        }
    }
}

/// <summary>What became of a checkpoint.</summary>
/// <param name="Step">Whose it is.</param>
/// <param name="Path">Its folder, or null where it cannot be written for now.</param>
/// <param name="Duration">How long it took to write, the snapshot not counted.</param>
/// <param name="Bytes">The state in it.</param>
/// <param name="Problem">Why it cannot be written for now, or null.</param>
internal sealed record CheckpointNews(long Step, string? Path, TimeSpan Duration, long Bytes, string? Problem = null);

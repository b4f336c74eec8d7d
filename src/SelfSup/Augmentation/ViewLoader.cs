using System.Runtime.ExceptionServices;

using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// Makes the views of batch after batch on threads of its own, ahead of the consumer, and hands them over in the order
/// of the steps. The plan says which images a step sees, so training (<see cref="ShuffledBatches"/>) and evaluation
/// (<see cref="SequentialBatches"/>) are the same mechanism; a pass can begin at any step, and the views do not
/// depend on the number of workers. Memory is bounded by a ring of batches that is allocated once.
/// </summary>
/// <remarks>
/// One pass runs at a time. The threads live as long as the pass; buffers and working space are kept for the next one.
/// Workers share the rows of a batch, so a batch is ready early even when images are large.
/// </remarks>
internal sealed class ViewLoader : IDisposable
{
    private readonly BatchPlan _plan;
    private readonly TimeProvider _time;
    private readonly ViewWorker[] _workers;
    private readonly BatchSlot[] _slots;
    private readonly int _chunk;

    // All that follows is read and changed under the lock; every change that someone may wait for pulses it.
    private readonly object _lock = new();
    private Thread[] _threads = [];
    private bool _running;
    private bool _stopping;
    private bool _disposed;
    private long _firstStep;
    private long _nextStep;
    private long _endStep;
    private BatchSlot? _open;
    private ExceptionDispatchInfo? _fault;
    private TimeSpan _waited;
    private long _batches;
    private long _images;

    /// <param name="source">The data; not disposed with the loader.</param>
    /// <param name="plan">Which images each step sees.</param>
    /// <param name="views">The pipeline of each view; the same one may stand there several times.</param>
    /// <param name="options">How the loader works.</param>
    /// <param name="unreadable">Takes the images that were skipped.</param>
    /// <param name="time">The clock by which waiting is measured.</param>
    /// <exception cref="ArgumentException">A view's transforms do not fix its size.</exception>
    public ViewLoader(
        IImageSource source, BatchPlan plan, IReadOnlyList<ViewPipeline> views, ViewLoaderOptions options,
        UnreadableImages unreadable, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Workers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Prefetch);
        int[] sizes = [.. views.Select(view => view.OutputSize
            ?? throw new ArgumentException("no transform of a view fixes its size", nameof(views)))];
        (_plan, _time) = (plan, time);
        _workers = [.. Enumerable.Range(0, options.Workers)
            .Select(_ => new ViewWorker(source, views, options, unreadable))];
        _slots = [.. Enumerable.Range(0, options.Prefetch).Select(_ => new BatchSlot(plan.BatchSize, sizes))];
        // Small enough that all workers finish a batch together, large enough that the lock is rarely taken.
        _chunk = Math.Clamp(plan.BatchSize / (4 * options.Workers), 1, 16);
    }

    /// <summary>How long the consumer has waited for batches, over all passes.</summary>
    public TimeSpan Waited
    {
        get
        {
            lock (_lock)
            {
                return _waited;
            }
        }
    }

    /// <summary>How many batches the consumer was given, over all passes.</summary>
    public long Batches
    {
        get
        {
            lock (_lock)
            {
                return _batches;
            }
        }
    }

    /// <summary>How many images those batches held, each counted once whatever its number of views.</summary>
    public long Images
    {
        get
        {
            lock (_lock)
            {
                return _images;
            }
        }
    }

    /// <summary>The batches of the steps of one epoch: for evaluation, every image once.</summary>
    public IEnumerable<ViewBatch> Pass(CancellationToken cancellationToken) =>
        From(0, _plan.StepsPerEpoch, cancellationToken);

    /// <summary>
    /// The batches of a range of steps, in order. Each must be disposed before the ring has gone round; disposing it
    /// before the next is taken is best. A step all of whose images were left out has no batch.
    /// </summary>
    /// <param name="firstStep">The first step; any step, also in the middle of an epoch.</param>
    /// <param name="lastStepExclusive">The step after the last.</param>
    /// <param name="cancellationToken">Ends the waiting for a batch.</param>
    /// <exception cref="Errors.DataException">An image cannot be read; thrown when its step is reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="InvalidOperationException">Another pass is running, or all batches are in use.</exception>
    public IEnumerable<ViewBatch> From(long firstStep, long lastStepExclusive, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        ArgumentOutOfRangeException.ThrowIfLessThan(lastStepExclusive, firstStep);
        return Run(firstStep, lastStepExclusive, cancellationToken);
    }

    /// <summary>Stops the threads and frees the buffers; batches that are still in use lose their memory.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        Stop();
        Array.ForEach(_slots, slot => slot.Dispose());
    }

    private IEnumerable<ViewBatch> Run(long firstStep, long endStep, CancellationToken cancellationToken)
    {
        Start(firstStep, endStep);
        try
        {
            using var wakeUp = cancellationToken.Register(Pulse);
            for (var step = firstStep; step < endStep; step++)
            {
                if (Take(step, cancellationToken) is { } batch)
                {
                    yield return batch;
                }
            }
        }
        finally
        {
            Stop();
        }
    }

    private void Start(long firstStep, long endStep)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_running)
            {
                throw new InvalidOperationException("a pass is already running; end it before the next begins");
            }

            (_running, _stopping, _open, _fault) = (true, false, null, null);
            (_firstStep, _nextStep, _endStep) = (firstStep, firstStep, endStep);
            _threads = [.. _workers.Select((worker, number) => new Thread(() => Work(worker))
            {
                IsBackground = true,
                Name = $"views {number}",
            })];
            Array.ForEach(_threads, thread => thread.Start());
        }
    }

    private void Stop()
    {
        Thread[] threads;
        lock (_lock)
        {
            _stopping = true;
            threads = _threads;
            Monitor.PulseAll(_lock);
        }

        // A worker looks at the flag between images, so this waits for one image at most.
        Array.ForEach(threads, thread => thread.Join());
        lock (_lock)
        {
            foreach (var slot in _slots.Where(slot => slot.State != SlotState.Lent))
            {
                slot.State = SlotState.Free;
            }

            _running = false;
        }
    }

    /// <summary>The consumer's side: waits for a step's batch; null where all its images were left out.</summary>
    private ViewBatch? Take(long step, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        var slot = SlotOf(step);
        lock (_lock)
        {
            while (slot.State != SlotState.Ready)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                cancellationToken.ThrowIfCancellationRequested();
                _fault?.Throw();
                if (slot.State == SlotState.Lent)
                {
                    throw new InvalidOperationException(
                        $"all {_slots.Length} batches of the loader are in use; dispose a batch before taking the next");
                }

                Monitor.Wait(_lock);
            }

            ObjectDisposedException.ThrowIf(_disposed, this);
            cancellationToken.ThrowIfCancellationRequested();
            _waited += _time.GetElapsedTime(began);
            slot.ThrowFailure();
            if (slot.Rows == 0)
            {
                HandBack(slot);
                return null;
            }

            _batches++;
            _images += slot.Rows;
            slot.State = SlotState.Lent;
        }

        return slot.Lend(() => HandBack(slot));
    }

    private void HandBack(BatchSlot slot)
    {
        lock (_lock)
        {
            slot.State = SlotState.Free;
            Monitor.PulseAll(_lock);
        }
    }

    private void Pulse()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>The worker threads' side, to the end of the pass.</summary>
    private void Work(ViewWorker worker)
    {
        try
        {
            while (TakeRows(out var slot, out var first, out var count))
            {
                FillRows(worker, slot, first, count);
            }
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                _fault ??= ExceptionDispatchInfo.Capture(e);
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Waits for rows to fill; false at the end of the pass.</summary>
    private bool TakeRows([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BatchSlot? slot, out int first, out int count)
    {
        lock (_lock)
        {
            while (!_stopping)
            {
                if (_open is { } open && open.Assigned < open.Rows)
                {
                    slot = open;
                    first = open.Assigned;
                    count = Math.Min(_chunk, open.Rows - first);
                    open.Assigned += count;
                    return true;
                }

                if (_nextStep == _endStep)
                {
                    break;
                }

                var next = SlotOf(_nextStep);
                if (next.State == SlotState.Free)
                {
                    next.Begin(_nextStep, _plan.Epoch(_nextStep), _plan.Fill(_nextStep, next.Indices));
                    _open = next;
                    _nextStep++;
                    Monitor.PulseAll(_lock);
                    continue;
                }

                Monitor.Wait(_lock);
            }
        }

        (slot, first, count) = (null, 0, 0);
        return false;
    }

    private void FillRows(ViewWorker worker, BatchSlot slot, int first, int count)
    {
        var row = first;
        Exception? failure = null;
        try
        {
            for (; row < first + count && !Volatile.Read(ref _stopping); row++)
            {
                worker.Fill(slot, row, _plan.Substitutes);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }

        lock (_lock)
        {
            if (failure is not null)
            {
                slot.Fail(row, failure);
            }

            slot.Finished += count;
            if (slot.Finished == slot.Rows)
            {
                slot.Close();
                slot.State = SlotState.Ready;
                Monitor.PulseAll(_lock);
            }
        }
    }

    private BatchSlot SlotOf(long step) => _slots[(step - _firstStep) % _slots.Length];
}

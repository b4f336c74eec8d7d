using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

using SelfSup.Errors;

namespace SelfSup.Augmentation;

/// <summary>
/// The batches in memory and who may do what with them: workers take rows to fill, step after step, as long as a slot
/// is free; the consumer waits for the slots in the order of the steps and hands them back. This is the one lock of
/// the loader. All waiting ends when the pass is stopped.
/// </summary>
/// <param name="plan">Which images each step sees.</param>
/// <param name="slots">The batches.</param>
/// <param name="chunk">How many rows a worker takes at a time.</param>
internal sealed class BatchRing(BatchPlan plan, BatchSlot[] slots, int chunk)
{
    private readonly object _lock = new();
    private long _firstStep;
    private long _nextStep;
    private long _endStep;
    private BatchSlot? _open;
    private bool _running;
    private bool _stopping;
    private bool _closed;
    private bool _lost;
    private ExceptionDispatchInfo? _fault;

    /// <summary>Whether workers should drop what they do.</summary>
    public bool Stopping => Volatile.Read(ref _stopping);

    /// <summary>Batches that are done and wait for the consumer.</summary>
    public int Ready
    {
        get
        {
            lock (_lock)
            {
                return slots.Count(slot => slot.State == SlotState.Ready);
            }
        }
    }

    /// <summary>Begins a pass over a range of steps.</summary>
    /// <exception cref="InvalidOperationException">A pass is running.</exception>
    /// <exception cref="ObjectDisposedException">The ring was closed.</exception>
    public void Begin(long firstStep, long endStep)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(ViewLoader));
            if (_running)
            {
                throw new InvalidOperationException("a pass is already running; end it before the next begins");
            }

            (_running, _stopping, _lost, _open, _fault) = (true, false, false, null, null);
            (_firstStep, _nextStep, _endStep) = (firstStep, firstStep, endStep);
        }
    }

    /// <summary>Tells the workers to stop, and with <paramref name="close"/> the consumer too, for good.</summary>
    public void Stop(bool close = false)
    {
        lock (_lock)
        {
            _stopping = true;
            _closed |= close;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Ends the pass after the last worker has stopped. What the consumer still holds stays its own.</summary>
    public void End()
    {
        lock (_lock)
        {
            foreach (var slot in slots.Where(slot => slot.State != SlotState.Lent))
            {
                slot.State = SlotState.Free;
            }

            _running = false;
        }
    }

    /// <summary>A worker's side: waits for rows to fill; false at the end of the pass.</summary>
    public bool TakeRows([NotNullWhen(true)] out BatchSlot? slot, out int first, out int count)
    {
        lock (_lock)
        {
            while (!_stopping)
            {
                if (_open is { } open && open.Assigned < open.Rows)
                {
                    (slot, first) = (open, open.Assigned);
                    count = Math.Min(chunk, open.Rows - first);
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
                    next.Begin(_nextStep, plan.Epoch(_nextStep), plan.Fill(_nextStep, next.Indices));
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

    /// <summary>A worker's side: the rows it took are done, or one failed and the rest were not tried.</summary>
    public void FinishRows(BatchSlot slot, int count, int failedRow, Exception? failure)
    {
        lock (_lock)
        {
            if (failure is not null)
            {
                slot.Fail(failedRow, failure);
                _lost |= failure is DataException { IsSourceLost: true };
            }

            slot.Finished += count;
            if (slot.Finished == slot.Rows)
            {
                slot.Close();
                slot.State = SlotState.Ready;
            }

            if (slot.State == SlotState.Ready || _lost)
            {
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>
    /// A worker's side: waits; false where the pass is stopping, or another worker has already waited in vain for its file.
    /// </summary>
    public bool Pause(TimeSpan duration)
    {
        var started = TimeProvider.System.GetTimestamp();
        lock (_lock)
        {
            while (!_stopping && !_lost)
            {
                var left = duration - TimeProvider.System.GetElapsedTime(started);
                if (left <= TimeSpan.Zero)
                {
                    return true;
                }

                Monitor.Wait(_lock, left);
            }

            return false;
        }
    }

    /// <summary>A worker's side: something went wrong that belongs to no row; the consumer gets it at once.</summary>
    public void Fault(Exception exception)
    {
        lock (_lock)
        {
            _fault ??= ExceptionDispatchInfo.Capture(exception);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>The consumer's side: waits until a step's rows are done. The slot is then the consumer's.</summary>
    /// <exception cref="InvalidOperationException">The consumer holds all batches: nothing can come.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The ring was closed.</exception>
    public BatchSlot Take(long step, CancellationToken cancellationToken)
    {
        using var wakeUp = cancellationToken.Register(Pulse);
        lock (_lock)
        {
            var slot = SlotOf(step);
            while (true)
            {
                ObjectDisposedException.ThrowIf(_closed, typeof(ViewLoader));
                cancellationToken.ThrowIfCancellationRequested();
                _fault?.Throw();
                if (slot.State == SlotState.Ready)
                {
                    slot.ThrowFailure();
                    slot.State = SlotState.Lent;
                    return slot;
                }

                if (slot.State == SlotState.Lent)
                {
                    throw new InvalidOperationException(
                        $"all {slots.Length} batches of the loader are in use; dispose a batch before taking the next");
                }

                Monitor.Wait(_lock);
            }
        }
    }

    /// <summary>The consumer's side: the slot may be filled again.</summary>
    public void HandBack(BatchSlot slot)
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

    private BatchSlot SlotOf(long step) => slots[(step - _firstStep) % slots.Length];
}

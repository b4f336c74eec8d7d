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
    private readonly ViewWorker[] _workers;
    private readonly BatchSlot[] _slots;
    private readonly BatchRing _ring;
    private readonly Lock _startingThreads = new();
    private Thread[] _threads = [];
    private int _disposed;

    /// <param name="source">The data; not disposed with the loader.</param>
    /// <param name="plan">Which images each step sees.</param>
    /// <param name="views">The pipeline of each view; the same one may stand there several times.</param>
    /// <param name="options">How the loader works.</param>
    /// <param name="unreadable">Takes the images that were skipped.</param>
    /// <exception cref="ArgumentException">A view's transforms do not fix its size.</exception>
    public ViewLoader(
        IImageSource source, BatchPlan plan, IReadOnlyList<ViewPipeline> views, ViewLoaderOptions options,
        UnreadableImages unreadable)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Workers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Prefetch);
        int[] sizes = [.. views.Select(view => view.OutputSize
            ?? throw new ArgumentException("no transform of a view fixes its size", nameof(views)))];
        _plan = plan;
        _workers = [.. Enumerable.Range(0, options.Workers)
            .Select(_ => new ViewWorker(source, views, options, unreadable, duration => _ring!.Pause(duration)))];
        _slots = [.. Enumerable.Range(0, options.Prefetch).Select(
            _ => new BatchSlot(plan.BatchSize, sizes, options.Format, options.PinnedMemory))];
        // Small enough that all workers finish a batch together, large enough that the lock is rarely taken.
        _ring = new BatchRing(plan, _slots, Math.Clamp(plan.BatchSize / (4 * options.Workers), 1, 16));
    }

    /// <summary>Bytes of all batches in memory, full or not.</summary>
    public long Bytes => _slots.Sum(slot => slot.Bytes);

    /// <summary>Batches that are done and wait for the consumer.</summary>
    public int Ready => _ring.Ready;

    /// <summary>How many images came by each path so far; those that come again count again.</summary>
    public DecodedCounts Decoded => _workers.Select(worker => worker.Decoded).Aggregate(default(DecodedCounts), (sum, worker) => sum + worker);

    /// <summary>The batches of the steps of one epoch: for evaluation, every image once.</summary>
    public IEnumerable<ViewBatch> Pass(CancellationToken cancellationToken) =>
        From(0, _plan.StepsPerEpoch, cancellationToken);

    /// <summary>
    /// The batches of a range of steps, in order. Each is the consumer's until it is disposed, which should be before
    /// the next is taken: when the consumer holds all of them, nothing is left to fill. A step all of whose images were
    /// left out has no batch.
    /// </summary>
    /// <param name="firstStep">The first step; any step, also in the middle of an epoch.</param>
    /// <param name="lastStepExclusive">The step after the last.</param>
    /// <param name="cancellationToken">Ends the waiting for a batch.</param>
    /// <exception cref="Errors.DataException">An image cannot be read; thrown when its step is reached.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="InvalidOperationException">Another pass is running, or all batches are in use.</exception>
    public IEnumerable<ViewBatch> From(long firstStep, long lastStepExclusive, CancellationToken cancellationToken) =>
        Steps(firstStep, lastStepExclusive, cancellationToken).OfType<ViewBatch>();

    /// <summary>
    /// Like <see cref="From"/>, with null for a step all of whose images were left out: a consumer that holds several batches
    /// knows by it which of them must be back before the next is taken, those of all but the last <see cref="ViewLoaderOptions.Prefetch"/>
    /// - 1 steps.
    /// </summary>
    public IEnumerable<ViewBatch?> Steps(long firstStep, long lastStepExclusive, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        ArgumentOutOfRangeException.ThrowIfLessThan(lastStepExclusive, firstStep);
        return Run(firstStep, lastStepExclusive, cancellationToken);
    }

    /// <summary>Stops the threads and frees the buffers; a batch that is still in use loses its memory.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Stop(close: true);
            Array.ForEach(_slots, slot => slot.Dispose());
        }
    }

    private IEnumerable<ViewBatch?> Run(long firstStep, long endStep, CancellationToken cancellationToken)
    {
        _ring.Begin(firstStep, endStep);
        try
        {
            StartThreads();
            for (var step = firstStep; step < endStep; step++)
            {
                yield return Take(step, cancellationToken);
            }
        }
        finally
        {
            Stop(close: false);
        }
    }

    private void StartThreads()
    {
        // Another thread may dispose the loader right now, and a thread cannot be joined before it was started.
        lock (_startingThreads)
        {
            _threads = [.. _workers.Select(
                (worker, number) => new Thread(() => Work(worker)) { IsBackground = true, Name = $"views {number}" })];
            Array.ForEach(_threads, thread => thread.Start());
        }
    }

    private ViewBatch? Take(long step, CancellationToken cancellationToken)
    {
        var slot = _ring.Take(step, cancellationToken);
        if (slot.Rows == 0)
        {
            _ring.HandBack(slot);
            return null;
        }

        return slot.Lend(() => _ring.HandBack(slot));
    }

    private void Stop(bool close)
    {
        _ring.Stop(close);
        Thread[] threads;
        lock (_startingThreads)
        {
            threads = _threads;
        }

        // A worker looks at the flag between images, so this waits for one image at most.
        Array.ForEach(threads, thread => thread.Join());
        _ring.End();
    }

    /// <summary>What a worker thread does, to the end of the pass. No exception leaves it.</summary>
    private void Work(ViewWorker worker)
    {
        try
        {
            while (_ring.TakeRows(out var slot, out var first, out var count))
            {
                Fill(worker, slot, first, count);
            }
        }
        catch (Exception e)
        {
            _ring.Fault(e);
        }
    }

    private void Fill(ViewWorker worker, BatchSlot slot, int first, int count)
    {
        var row = first;
        Exception? failure = null;
        try
        {
            for (; row < first + count && !_ring.Stopping; row++)
            {
                worker.Fill(slot, row, _plan.Substitutes);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }

        _ring.FinishRows(slot, count, row, failure);
    }
}

using System.Runtime.ExceptionServices;

namespace SelfSup.Datasets;

/// <summary>
/// Does one piece of work for each of many positions on several threads and hands the results over in the order of the
/// positions, so that what is made of them does not depend on the number of threads. Threads run ahead of the consumer
/// only as far as a number of results and of bytes allows.
/// </summary>
/// <param name="workers">How many threads.</param>
/// <param name="newWorker">Makes what one thread works with: a function of the position.</param>
/// <param name="sizeOf">Bytes that a result holds while it waits.</param>
internal sealed class OrderedWork<T>(int workers, Func<Func<int, T>> newWorker, Func<T, long> sizeOf)
{
    private const int AheadPerWorker = 16;
    private const long MostWaitingBytes = 128L << 20;

    private readonly object _gate = new();
    private readonly Dictionary<int, (T? Result, ExceptionDispatchInfo? Failure, long Bytes)> _waiting = [];
    private int _next;
    private int _wanted;
    private int _end;
    private long _waitingBytes;
    private bool _stopping;

    /// <summary>The results of a range of positions, in order; may be asked for once.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <remarks>What a piece of work throws is thrown when its position is reached.</remarks>
    public IEnumerable<T> Run(int first, int end, CancellationToken cancellationToken)
    {
        (_next, _wanted, _end) = (first, first, end);
        Thread[] threads = [.. Enumerable.Range(0, workers)
            .Select(number => new Thread(Work) { IsBackground = true, Name = $"images {number}" })];
        using var registration = cancellationToken.Register(Wake);
        try
        {
            Array.ForEach(threads, thread => thread.Start());
            for (; _wanted < end; Advance())
            {
                yield return Take(cancellationToken);
            }
        }
        finally
        {
            lock (_gate)
            {
                _stopping = true;
                Monitor.PulseAll(_gate);
            }

            Array.ForEach(threads, thread => thread.Join());
        }
    }

    private T Take(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            (T? Result, ExceptionDispatchInfo? Failure, long Bytes) taken;
            while (!_waiting.Remove(_wanted, out taken))
            {
                cancellationToken.ThrowIfCancellationRequested();
                Monitor.Wait(_gate);
            }

            cancellationToken.ThrowIfCancellationRequested();
            _waitingBytes -= taken.Bytes;
            taken.Failure?.Throw();
            return taken.Result!;
        }
    }

    private void Advance()
    {
        lock (_gate)
        {
            _wanted++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>What a thread does, to the end of the range. No exception leaves it.</summary>
    private void Work()
    {
        Func<int, T>? worker = null;
        while (NextPosition() is { } position)
        {
            T? result = default;
            ExceptionDispatchInfo? failure = null;
            try
            {
                worker ??= newWorker();
                result = worker(position);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                var bytes = failure is null ? sizeOf(result!) : 0;
                _waiting.Add(position, (result, failure, bytes));
                _waitingBytes += bytes;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private int? NextPosition()
    {
        lock (_gate)
        {
            // The position that is wanted may always be taken, so that the consumer never waits for nobody.
            while (!_stopping && _next < _end && _next != _wanted
                && (_next - _wanted >= AheadPerWorker * workers || _waitingBytes >= MostWaitingBytes))
            {
                Monitor.Wait(_gate);
            }

            return _stopping || _next >= _end ? null : _next++;
        }
    }

    private void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }
}

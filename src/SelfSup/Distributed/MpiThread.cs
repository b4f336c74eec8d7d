using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

using SelfSup.Errors;

namespace SelfSup.Distributed;

/// <summary>
/// The one thread that calls an MPI library: operations go on beside training, and no library needs to be safe for several
/// threads. Operations are the ones that do not block: a rank that is gone is noticed by looking for it, and whoever waits is
/// told.
/// </summary>
internal sealed partial class MpiThread : IDisposable
{
    private const uint ShortPause = 50; // microseconds
    private const uint LongPause = 1000;
    private const string LostOneAnother = "MPI: the ranks have lost one another; start the run again";

    private static readonly TimeSpan _impatience = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan _long = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _patienceAtEnd = TimeSpan.FromSeconds(10);

    private readonly BlockingCollection<MpiOperation> _operations = [];
    private readonly TaskCompletionSource<(nint, int, int)> _joined = new();
    private readonly Mpi _mpi;
    private readonly Thread _thread;
    private MpiOperation? _next; // taken, but not begun
    private volatile bool _broken;

    /// <summary>Begins MPI.</summary>
    /// <param name="mpi">The library.</param>
    public MpiThread(Mpi mpi)
    {
        _mpi = mpi;
        _thread = new Thread(Work) { IsBackground = true, Name = "mpi" };
        _thread.Start();
    }

    /// <summary>A communicator over all processes, which of them this is, and how many they are.</summary>
    /// <exception cref="CommunicationException">MPI could not begin.</exception>
    public (nint Communicator, int Rank, int Ranks) Joined => _joined.Task.GetAwaiter().GetResult();

    /// <summary>Lets an operation begin; all ranks post theirs in the same order.</summary>
    /// <exception cref="CommunicationException">The ranks have lost one another.</exception>
    public MpiOperation Post(MpiOperation.Start begin)
    {
        if (_broken)
        {
            throw new CommunicationException(LostOneAnother);
        }

        var operation = new MpiOperation(begin);
        _operations.Add(operation);
        return operation;
    }

    /// <summary>Waits for an operation; where that fails, there are no others.</summary>
    /// <param name="operation">Which.</param>
    /// <param name="lookAtRanks">Called now and then; throws where a rank is gone.</param>
    /// <exception cref="CommunicationException">It failed, or a rank is gone.</exception>
    public void Wait(MpiOperation operation, Action? lookAtRanks)
    {
        try
        {
            operation.Wait(lookAtRanks, _look);
        }
        catch
        {
            _broken = true;
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _operations.CompleteAdding();
        // Ranks that have lost one another end without a farewell, for which the library would wait for ever.
        if (_thread.Join(_broken ? TimeSpan.Zero : _patienceAtEnd))
        {
            _operations.Dispose();
        }
    }

    private void Work()
    {
        try
        {
            var communicator = _mpi.Initialise();
            var (rank, ranks) = _mpi.Place(communicator);
            _joined.SetResult((communicator, rank, ranks));
        }
        catch (Exception e)
        {
            _joined.SetException(e);
            return;
        }

        Serve();
        if (!_broken)
        {
            try
            {
                _mpi.Shutdown();
            }
            catch (CommunicationException)
            {
                // All that was asked of it is done.
            }
        }
    }

    /// <summary>Operations are begun in their order, as on all ranks; a small one need not wait for a large one before it to end.</summary>
    private void Serve()
    {
        var active = new List<MpiOperation>();
        var lastDone = Stopwatch.GetTimestamp();
        while (active.Count > 0 || _operations.TryTake(out _next, Timeout.Infinite))
        {
            while (_next is not null || _operations.TryTake(out _next))
            {
                lastDone = Stopwatch.GetTimestamp();
                if (Began(_next))
                {
                    active.Add(_next);
                }

                _next = null;
            }

            var before = active.Count;
            for (var i = active.Count - 1; i >= 0; i--)
            {
                if (Ended(active[i]))
                {
                    active.RemoveAt(i);
                }
            }

            if (active.Count < before)
            {
                lastDone = Stopwatch.GetTimestamp();
            }
            else if (active.Count > 0)
            {
                Pause(active, Stopwatch.GetElapsedTime(lastDone));
            }
        }
    }

    private static bool Began(MpiOperation operation)
    {
        try
        {
            operation.Begin();
            return true;
        }
        catch (Exception e)
        {
            operation.End(e);
            return false;
        }
    }

    /// <summary>Asks for an operation; nothing is allocated here.</summary>
    private bool Ended(MpiOperation operation)
    {
        try
        {
            if (!_broken && !operation.IsDone(_mpi))
            {
                return false;
            }

            operation.End(_broken ? new CommunicationException(LostOneAnother) : null);
        }
        catch (Exception e)
        {
            operation.End(e);
        }

        return true;
    }

    /// <summary>
    /// Operations get on only while they are asked, so they are asked often where somebody waits; but a core that computes is worth
    /// more, and a rank that is long in coming does not come sooner by being asked for.
    /// </summary>
    private static void Pause(List<MpiOperation> active, TimeSpan since)
    {
        if (active.Exists(operation => operation.IsAwaited) && since < _impatience)
        {
            _ = Thread.Yield();
        }
        else
        {
            _ = Sleep(since < _long ? ShortPause : LongPause);
        }
    }

    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int Sleep(uint microseconds);
}

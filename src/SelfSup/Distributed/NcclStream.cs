using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;

using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Distributed;

/// <summary>
/// Operations of one communicator of NCCL, in a stream of their own, which events order: an operation begins after what was in
/// the default stream when it was asked for, and what comes into the default stream after a wait comes after it. So a reduction
/// goes on beside a backward pass, and a wait costs the host nothing.
/// <para>
/// As a wait does not hold the host, it cannot see what goes wrong later: the host goes on and comes to stand in some other call,
/// deep in libtorch, for a value that never comes. So a thread watches over the oldest operation. An error that NCCL reports,
/// a rank that is gone (<see cref="LookAtRanks"/>) or an operation that lasts longer than the patience is written down, and then
/// the communicator is aborted, which lets the GPU and whoever stands there go. What they then read is worth nothing; the next
/// call or wait throws what was written down.
/// </para>
/// <para>
/// Calls of NCCL do not block (see <see cref="Nccl"/>): each is carried out by a thread that NCCL starts for it, which takes some
/// ten microseconds, and in return nobody can hang in one.
/// </para>
/// </summary>
internal sealed class NcclStream : IDisposable
{
    private static readonly TimeSpan _betweenErrors = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _betweenRanks = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _patienceAtEnd = TimeSpan.FromSeconds(10);

    private readonly Nccl _nccl;
    private readonly CudaRuntime _cuda;
    private readonly RankEnvironment _place;
    private readonly int _gpu;
    private readonly TimeSpan _patience;
    private readonly Lock _gate = new(); // NCCL lets one thread at a time use a communicator
    private readonly BlockingCollection<NcclOperation> _watched = [];
    private readonly Thread _watch;
    private readonly nint _stream;
    private readonly nint _ready;
    private nint _communicator;
    private volatile CommunicationException? _failure;
    private bool _isDisposed;

    /// <summary>Begins with a communicator that all ranks have joined.</summary>
    /// <param name="nccl">The library.</param>
    /// <param name="cuda">Streams and events.</param>
    /// <param name="communicator">The communicator; aborted or destroyed here.</param>
    /// <param name="place">Which rank this is.</param>
    /// <param name="gpu">The GPU that it has joined with.</param>
    /// <param name="patience">How long an operation may last.</param>
    public NcclStream(Nccl nccl, CudaRuntime cuda, nint communicator, RankEnvironment place, int gpu, TimeSpan patience)
    {
        (_nccl, _cuda, _communicator, _place, _gpu, _patience) = (nccl, cuda, communicator, place, gpu, patience);
        cuda.Use(gpu);
        (_stream, _ready) = (cuda.CreateStream(), cuda.CreateEvent());
        _watch = new Thread(Watch) { IsBackground = true, Name = "nccl watch" };
        _watch.Start();
    }

    /// <summary>Begins an operation of NCCL.</summary>
    /// <param name="communicator">The communicator.</param>
    /// <param name="stream">The stream.</param>
    public delegate void Start(nint communicator, nint stream);

    /// <summary>Looks whether the other ranks are there, and throws where one is not; also called on the thread of the watch.</summary>
    public Action? LookAtRanks { get; set; }

    /// <summary>Puts an operation into the stream, after all that is in the default stream.</summary>
    /// <param name="name">What it is, for messages.</param>
    /// <param name="used">Tensors that it reads and writes.</param>
    /// <param name="begin">Asks NCCL for it.</param>
    /// <exception cref="CommunicationException">Something went wrong, now or earlier.</exception>
    public NcclOperation Begin(string name, Tensor[] used, Start begin)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ThrowWhatFailed();
        // Memory of a tensor that is given up goes to whatever the default stream does next: not before the operation is done.
        var operation = new NcclOperation(_cuda, name, [.. used.Select(tensor => tensor.alias().DetachFromDisposeScope())]);
        try
        {
            _cuda.Use(_gpu); // which is a thread's: backward passes have threads of their own
            _cuda.Record(_ready, CudaRuntime.DefaultStream);
            _cuda.LetWait(_stream, _ready);
            lock (_gate)
            {
                ThrowWhatFailed(); // and the communicator is no more
                begin(_communicator, _stream);
            }

            Settle(name);
            operation.End(_stream);
        }
        catch (CommunicationException e)
        {
            throw Fail(e);
        }

        _watched.Add(operation);
        return operation;
    }

    /// <summary>Lets what the default stream is given from now on come after an operation.</summary>
    /// <exception cref="CommunicationException">Something went wrong, now or earlier.</exception>
    public void Order(NcclOperation operation)
    {
        ThrowWhatFailed();
        try
        {
            _cuda.Use(_gpu);
            operation.LetWait(CudaRuntime.DefaultStream);
        }
        catch (CommunicationException e)
        {
            throw Fail(e);
        }

        ThrowWhatFailed();
    }

    /// <summary>Holds the host until an operation is done, or the watch has seen that it will not be.</summary>
    /// <exception cref="CommunicationException">Something went wrong, now or earlier.</exception>
    public void Await(NcclOperation operation)
    {
        var spin = new SpinWait();
        try
        {
            while (!operation.IsDone())
            {
                ThrowWhatFailed();
                spin.SpinOnce(sleep1Threshold: 1000);
            }
        }
        catch (CommunicationException e)
        {
            throw Fail(e);
        }

        ThrowWhatFailed(); // an operation that was aborted is done, too
    }

    /// <summary>Throws what went wrong, if anything has.</summary>
    /// <exception cref="CommunicationException">Something has.</exception>
    public void ThrowWhatFailed()
    {
        if (_failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _watched.CompleteAdding();
        try
        {
            TakeLeave();
        }
        catch (CommunicationException e)
        {
            Fail(e); // all that was asked of it is done, or has been reported
        }

        _cuda.DestroyEvent(_ready);
        _cuda.DestroyStream(_stream);
        if (_watch.Join(_patienceAtEnd))
        {
            _watched.Dispose();
        }
    }

    /// <summary>Waits until NCCL has put into the stream what was asked of it.</summary>
    private void Settle(string name)
    {
        var (spin, watch, looked) = (new SpinWait(), Stopwatch.StartNew(), TimeSpan.Zero);
        while (!IsReady(name))
        {
            if (watch.Elapsed > _patience)
            {
                throw new CommunicationException($"{name}: has not begun for {_patience.TotalSeconds:0.#} s");
            }

            if (watch.Elapsed - looked > _betweenRanks)
            {
                looked = watch.Elapsed;
                LookAtRanks?.Invoke();
            }

            spin.SpinOnce(sleep1Threshold: 1000);
        }
    }

    private bool IsReady(string name)
    {
        lock (_gate)
        {
            ThrowWhatFailed();
            return _nccl.IsReady(_communicator, name);
        }
    }

    private void Watch()
    {
        foreach (var operation in _watched.GetConsumingEnumerable())
        {
            try
            {
                WatchOver(operation);
            }
            catch (Exception e)
            {
                Fail(e);
            }
        }
    }

    /// <summary>Stays with an operation until it is done or something is wrong.</summary>
    private void WatchOver(NcclOperation operation)
    {
        _cuda.Use(_gpu); // else a thread's first question of an event takes memory on the first GPU, which is another rank's
        var (watch, errors, ranks) = (Stopwatch.StartNew(), TimeSpan.Zero, TimeSpan.Zero);
        while (_failure is null && !operation.IsDone())
        {
            if (watch.Elapsed > _patience)
            {
                throw new CommunicationException($"{operation.Name}: is not done after {_patience.TotalSeconds:0.#} s");
            }

            if (watch.Elapsed - errors > _betweenErrors)
            {
                errors = watch.Elapsed;
                _ = IsReady(operation.Name);
            }

            if (watch.Elapsed - ranks > _betweenRanks)
            {
                ranks = watch.Elapsed;
                LookAtRanks?.Invoke();
            }

            Thread.Sleep(1);
        }
    }

    /// <summary>Writes down what went wrong first, and only then aborts: whoever is let go by that finds it.</summary>
    /// <returns>What went wrong first.</returns>
    private CommunicationException Fail(Exception cause)
    {
        var failure = cause is CommunicationException { Rank: { } gone }
            ? new CommunicationException(cause.Message, cause) { Rank = gone } // it names who and why already
            : new CommunicationException(
                $"rank {_place.Rank} of {_place.Ranks}: {cause.Message}; the messages of the other ranks may say more, as does " +
                "NCCL_DEBUG=INFO; start the run again, and it goes on from its last checkpoint",
                cause);
        if (Interlocked.CompareExchange(ref _failure, failure, null) is { } earlier)
        {
            return earlier;
        }

        // Whoever is in a call of NCCL comes out at once; if not, only this lets him go.
        var isAlone = _gate.TryEnter(_patienceAtEnd);
        try
        {
            if (Interlocked.Exchange(ref _communicator, 0) is not 0 and var communicator)
            {
                _nccl.Abort(communicator);
            }
        }
        finally
        {
            if (isAlone)
            {
                _gate.Exit();
            }
        }

        return failure;
    }

    /// <summary>
    /// Ends together with the other ranks. Those that have lost one another end without a farewell, for which the library would
    /// wait for ever.
    /// </summary>
    private void TakeLeave()
    {
        if (_failure is not null)
        {
            return;
        }

        if (!_watch.Join(_patienceAtEnd))
        {
            throw new CommunicationException($"operations are not done {_patienceAtEnd.TotalSeconds:0} s after the end");
        }

        _cuda.Use(_gpu);
        lock (_gate)
        {
            ThrowWhatFailed();
            _nccl.Finalise(_communicator);
        }

        var watch = Stopwatch.StartNew();
        while (!IsReady("ncclCommFinalize"))
        {
            if (watch.Elapsed > _patienceAtEnd)
            {
                throw new CommunicationException($"ncclCommFinalize: is not done after {_patienceAtEnd.TotalSeconds:0} s");
            }

            Thread.Sleep(1);
        }

        lock (_gate)
        {
            _nccl.Destroy(Interlocked.Exchange(ref _communicator, 0));
        }
    }
}

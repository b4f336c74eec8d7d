using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

using SelfSup.Errors;

namespace SelfSup.Distributed;

/// <summary>An operation on its way through the thread that speaks to MPI.</summary>
/// <param name="begin">Begins it there.</param>
internal sealed unsafe class MpiOperation(MpiOperation.Start begin) : IDisposable
{
    // Where the library finds it as long as the operation is on its way: one that is given up keeps it.
    private readonly nint* _request = (nint*)NativeMemory.AllocZeroed((nuint)sizeof(nint));
    private readonly ManualResetEventSlim _ended = new();
    private Exception? _failure;
    private volatile bool _isAwaited;

    /// <summary>Begins an operation of MPI.</summary>
    /// <param name="request">What it is asked about by.</param>
    public delegate void Start(nint* request);

    /// <summary>Whether somebody waits for it.</summary>
    public bool IsAwaited => _isAwaited;

    /// <summary>Begins it.</summary>
    public void Begin() => begin(_request);

    /// <summary>Whether it is done.</summary>
    public bool IsDone(Mpi mpi) => mpi.IsDone(_request);

    /// <summary>It is done, or failed.</summary>
    public void End(Exception? failure)
    {
        _failure = failure;
        _ended.Set();
    }

    /// <summary>Waits for its end.</summary>
    /// <param name="look">Called now and then; may throw.</param>
    /// <param name="every">How often.</param>
    /// <exception cref="CommunicationException">It failed.</exception>
    public void Wait(Action? look, TimeSpan every)
    {
        _isAwaited = true;
        while (!_ended.Wait(every))
        {
            look?.Invoke();
        }

        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Dispose();
        NativeMemory.Free(_request);
    }
}

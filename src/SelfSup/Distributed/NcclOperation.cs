using static TorchSharp.torch;

namespace SelfSup.Distributed;

/// <summary>An operation in NCCL's stream: when it is done, and what must live until then.</summary>
/// <param name="cuda">Streams and events.</param>
/// <param name="name">What it is, for messages.</param>
/// <param name="kept">Tensors that it reads and writes, detached from any scope; disposed when it is done.</param>
internal sealed class NcclOperation(CudaRuntime cuda, string name, params Tensor[] kept)
{
    private readonly Lock _gate = new();
    private nint _end;
    private int _users;
    private bool _isDone;

    /// <summary>What it is: <c>ncclAllReduce of 128 float32</c>.</summary>
    public string Name => name;

    /// <summary>Says that all of it is in the stream.</summary>
    public void End(nint stream)
    {
        _end = cuda.CreateEvent();
        cuda.Record(_end, stream);
    }

    /// <summary>Whether it is done; may be asked by several threads.</summary>
    /// <exception cref="Errors.CommunicationException">The GPU went wrong.</exception>
    public bool IsDone()
    {
        lock (_gate)
        {
            if (!_isDone && cuda.IsDone(_end))
            {
                _isDone = true;
                Array.ForEach(kept, tensor => tensor.Dispose());
                Forget();
            }

            return _isDone;
        }
    }

    /// <summary>Lets what comes into a stream from now on wait for it.</summary>
    public void LetWait(nint stream)
    {
        lock (_gate)
        {
            if (_isDone)
            {
                return;
            }

            _users++;
        }

        try
        {
            cuda.LetWait(stream, _end); // not in the lock: where the stream is full this lasts, and others must see what goes wrong
        }
        finally
        {
            lock (_gate)
            {
                _users--;
                Forget();
            }
        }
    }

    private void Forget()
    {
        if (_isDone && _users == 0 && _end != 0)
        {
            cuda.DestroyEvent(_end);
            _end = 0;
        }
    }
}

using System.Collections.Concurrent;

using SelfSup.Errors;
using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Distributed;

/// <summary>
/// Ranks on CPUs, over the system's MPI (Open MPI or MPICH). Operations go on beside training, on a thread of their own
/// (<see cref="MpiThread"/>). Tensors on a GPU go through the CPU.
/// </summary>
internal sealed unsafe class MpiCommunicator : Communicator
{
    private const long LongestPiece = 1 << 29; // elements; MPI counts in 32 bits, and bfloat16 in bytes

    private readonly Mpi _mpi;
    private readonly long _piece;
    private readonly MpiThread _thread;
    private readonly nint _communicator;
    private readonly ConcurrentBag<Tensor> _abandoned = [];

    private MpiCommunicator(Mpi mpi, long piece)
    {
        (_mpi, _piece) = (mpi, piece);
        _thread = new MpiThread(mpi);
        (_communicator, Rank, Ranks) = _thread.Joined;
        Engine = mpi.Version;
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Ranks { get; }

    /// <inheritdoc/>
    internal override string Engine { get; }

    /// <summary>Joins the processes that were started together; a process that was started by itself is the only one.</summary>
    /// <param name="mpi">The library.</param>
    /// <param name="piece">Elements in one operation at most.</param>
    /// <exception cref="CommunicationException">It cannot.</exception>
    public static MpiCommunicator Join(Mpi mpi, long piece = LongestPiece) => new(mpi, piece);

    /// <inheritdoc/>
    public override Tensor AllGather(Tensor local)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var own = local.cpu().contiguous().view(-1);
        var (type, count) = (TypeOf(local), own.numel());
        var all = empty([Ranks, count], own.dtype);
        foreach (var (at, length) in Pieces(count))
        {
            var whole = length == count;
            var to = whole ? all : empty([Ranks, length], own.dtype);
            var from = Address(own, at);
            var into = Address(to);
            Run(request => _mpi.AllGather(from, into, Elements(own.dtype, length), type, _communicator, request), own, to);
            if (!whole)
            {
                all.narrow(1, at, length).copy_(to);
            }
        }

        var rows = local.shape[0];
        return all.view([Ranks * rows, .. local.shape[1..]]).to(local.device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor ReduceScatter(Tensor all)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var parts = Summable(all).contiguous().view(Ranks, -1);
        var (type, count) = (TypeOf(parts), parts.shape[1]);
        var own = empty(count, parts.dtype);
        foreach (var (at, length) in Pieces(count))
        {
            var from = length == count ? parts : parts.narrow(1, at, length).contiguous();
            var source = Address(from);
            var target = Address(own, at);
            Run(request => _mpi.ReduceScatter(source, target, (int)length, type, _communicator, request), from, own);
        }

        return own.view([all.shape[0] / Ranks, .. all.shape[1..]]).to(all.dtype).to(all.device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void Broadcast(Tensor tensor, int root = 0)
    {
        RequireContiguous(tensor);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var data = tensor.cpu().view(-1);
        var type = TypeOf(tensor);
        foreach (var (at, length) in Pieces(data.numel()))
        {
            var from = Address(data, at);
            Run(request => _mpi.Broadcast(from, Elements(data.dtype, length), type, root, _communicator, request), data);
        }

        if (tensor.device_type != DeviceType.CPU)
        {
            tensor.copy_(data.view(tensor.shape));
        }
    }

    /// <inheritdoc/>
    public override void Barrier() => Run(request => _mpi.Barrier(_communicator, request));

    /// <inheritdoc/>
    public override void Dispose() => _thread.Dispose();

    /// <inheritdoc/>
    internal override PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction)
    {
        RequireContiguous(tensor);
        if (reduction == Reduction.Mean && !tensor.is_floating_point())
        {
            throw new ArgumentException($"tensor: is {tensor.dtype}, must be of floating-point numbers for a mean", nameof(tensor));
        }

        return new Pending(this, tensor, reduction);
    }

    /// <summary>How a tensor is passed on: bfloat16 as bytes, for MPI has no such type and where it is passed it is not summed.</summary>
    private nint TypeOf(Tensor tensor) => tensor.dtype switch
    {
        ScalarType.Float32 => _mpi.Float,
        ScalarType.Float64 => _mpi.Double,
        ScalarType.Int64 => _mpi.Int64,
        ScalarType.Byte or ScalarType.BFloat16 => _mpi.Byte,
        var other => throw new ArgumentException(
            $"tensor: is {other}, must be float32, float64, bfloat16, int64 or uint8; convert it", nameof(tensor)),
    };

    private static int Elements(ScalarType type, long length) => checked((int)(type == ScalarType.BFloat16 ? 2 * length : length));

    /// <summary>A copy that MPI can sum, or the tensor itself.</summary>
    private static Tensor Summable(Tensor tensor) =>
        (tensor.dtype == ScalarType.BFloat16 ? tensor.to(float32) : tensor).cpu();

    private static void RequireContiguous(Tensor tensor)
    {
        if (!tensor.is_contiguous())
        {
            throw new ArgumentException("tensor: is not contiguous, must be, as it is changed in place", nameof(tensor));
        }
    }

    private static void* Address(Tensor flat, long offset = 0) =>
        flat.numel() == 0 ? null : TensorMemory.Address<byte>(flat) + (offset * flat.ElementSize);

    private IEnumerable<(long At, long Length)> Pieces(long count)
    {
        for (long at = 0; at < count; at += _piece)
        {
            yield return (at, Math.Min(_piece, count - at));
        }
    }

    private void Run(MpiOperation.Start begin, params Tensor[] used)
    {
        var operation = _thread.Post(begin);
        try
        {
            _thread.Wait(operation, LookAtRanks);
        }
        catch
        {
            // The library, or another rank, may still write there: what an operation that is given up uses stays until the process ends.
            Array.ForEach(used, tensor => _abandoned.Add(tensor.alias().DetachFromDisposeScope()));
            throw;
        }

        operation.Dispose();
    }

    private sealed class Pending : PendingReduction
    {
        private readonly MpiCommunicator _ranks;
        private readonly Tensor _tensor; // its memory must outlive the operations
        private readonly Tensor _data;
        private readonly Reduction _reduction;
        private readonly List<MpiOperation> _operations = [];

        public Pending(MpiCommunicator ranks, Tensor tensor, Reduction reduction)
        {
            using var _ = no_grad();
            (_ranks, _reduction) = (ranks, reduction);
            _tensor = tensor.alias().DetachFromDisposeScope();
            using (NewDisposeScope())
            {
                _data = Summable(_tensor).view(-1).DetachFromDisposeScope();
            }

            var type = ranks.TypeOf(_data);
            var operation = reduction switch
            {
                Reduction.Max => ranks._mpi.Max,
                Reduction.Min => ranks._mpi.Min,
                _ => ranks._mpi.Sum,
            };
            foreach (var (at, length) in ranks.Pieces(_data.numel()))
            {
                var address = Address(_data, at);
                _operations.Add(ranks._thread.Post(
                    request => ranks._mpi.AllReduce(address, (int)length, type, operation, ranks._communicator, request)));
            }
        }

        public override void Wait()
        {
            _operations.ForEach(operation => _ranks._thread.Wait(operation, _ranks.LookAtRanks)); // where one fails, the memory is left to an operation that may still use it
            using (NewDisposeScope())
            using (no_grad())
            {
                if (_reduction == Reduction.Mean)
                {
                    _data.div_(_ranks.Ranks);
                }

                if (_data.dtype != _tensor.dtype || _data.device_type != _tensor.device_type)
                {
                    _tensor.copy_(_data.view(_tensor.shape));
                }
            }

            _operations.ForEach(operation => operation.Dispose());
            _data.Dispose();
            _tensor.Dispose();
        }
    }
}

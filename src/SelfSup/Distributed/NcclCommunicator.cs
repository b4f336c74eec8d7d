using System.Diagnostics;
using System.Globalization;

using SelfSup.Errors;
using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Distributed;

/// <summary>
/// Ranks on GPUs, over NCCL. Nothing here holds the host but <see cref="Barrier"/>, and small tensors of the CPU, which go
/// through the GPU and back: results are ready for what libtorch is given to do next. What goes wrong on the way is seen by a
/// watch (<see cref="NcclStream"/>) and thrown by the next call or wait; a value that is read in between is worth nothing. So what
/// decides something is exchanged in tensors of the CPU, and whoever keeps something, a checkpoint or a result, calls
/// <see cref="Barrier"/> before: it returns when all before it is done and sound, or throws.
/// </summary>
internal sealed unsafe class NcclCommunicator : Communicator
{
    private const string AddressVariable = "NCCL_COMM_ID";
    private const string RetriesVariable = "NCCL_SOCKET_RETRY_CNT";

    private readonly Nccl _nccl;
    private readonly NcclStream _stream;
    private readonly Device _memory;
    private readonly Communicator? _meeting;

    private NcclCommunicator(
        Nccl nccl, CudaRuntime cuda, nint communicator, RankEnvironment place, int gpu, TimeSpan patience, Communicator? meeting)
    {
        _meeting = meeting;
        (Rank, Ranks, Engine) = (place.Rank, place.Ranks, $"NCCL {nccl.Version}");
        _nccl = nccl;
        _memory = cuda.Memory == DeviceType.CUDA ? new Device(DeviceType.CUDA, gpu) : new Device(cuda.Memory);
        _stream = new NcclStream(nccl, cuda, communicator, place, gpu, patience) { LookAtRanks = () => LookAtRanks?.Invoke() };
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Ranks { get; }

    /// <inheritdoc/>
    internal override string Engine { get; }

    /// <summary>Joins the ranks that were started together.</summary>
    /// <param name="nccl">The library.</param>
    /// <param name="cuda">Streams and events.</param>
    /// <param name="place">Which rank this is.</param>
    /// <param name="gpu">Its GPU, which no other rank uses.</param>
    /// <param name="toJoin">How long the ranks may take to come.</param>
    /// <param name="patience">
    /// How long afterwards any operation may take: longer than what one rank does while the others wait for it, an evaluation or a
    /// checkpoint.
    /// </param>
    /// <param name="meeting">
    /// Ranks that know each other already, which end with this; else they meet at <see cref="RankEnvironment.MasterAddress"/>.
    /// </param>
    /// <exception cref="CommunicationException">They did not come, or there is no place to meet.</exception>
    public static NcclCommunicator Join(
        Nccl nccl, CudaRuntime cuda, RankEnvironment place, int gpu, TimeSpan toJoin, TimeSpan patience, Communicator? meeting = null)
    {
        var where = meeting is null ? MeetAtAddress(place, toJoin) : $"the address that rank 0 sent over {meeting.Engine}";
        nint communicator = 0;
        try
        {
            cuda.Use(gpu);
            communicator = nccl.Join(place.Ranks, meeting is null ? nccl.CreateId() : IdOfFirst(nccl, meeting), place.Rank);
            var watch = Stopwatch.StartNew();
            while (!nccl.IsReady(communicator, "ncclCommInitRankConfig"))
            {
                if (watch.Elapsed > toJoin)
                {
                    throw new CommunicationException($"not all of them came within {toJoin.TotalSeconds:0.#} s");
                }

                Thread.Sleep(1);
            }
        }
        catch (CommunicationException e)
        {
            if (communicator != 0)
            {
                nccl.Abort(communicator);
            }

            throw new CommunicationException(
                $"rank {place.Rank} of {place.Ranks}: {place.Ranks} ranks were awaited at {where}: {e.Message}; see that all were started, " +
                $"each with a GPU of its own (this one has GPU {gpu}), that no firewall is between them, and that NCCL_SOCKET_IFNAME, if " +
                "set, names the network they share; NCCL_DEBUG=INFO says more",
                e);
        }

        return new NcclCommunicator(nccl, cuda, communicator, place, gpu, patience, meeting);
    }

    /// <inheritdoc/>
    public override Tensor AllGather(Tensor local)
    {
        var type = TypeOf(local);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var own = local.detach().to(_memory).contiguous();
        var all = empty([Ranks * own.shape[0], .. own.shape[1..]], own.dtype, _memory);
        var (from, to, count) = (TensorMemory.Pointer(own), TensorMemory.Pointer(all), own.numel());
        Run("ncclAllGather", local, [own, all], (communicator, stream) => _nccl.AllGather(from, to, count, type, communicator, stream));
        return all.to(local.device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor ReduceScatter(Tensor all)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var parts = Summable(all.detach().to(_memory), Reduction.Sum).contiguous();
        var own = empty([all.shape[0] / Ranks, .. all.shape[1..]], parts.dtype, _memory);
        var (from, to, count, type) = (TensorMemory.Pointer(parts), TensorMemory.Pointer(own), own.numel(), TypeOf(parts));
        Run("ncclReduceScatter", all, [parts, own], (communicator, stream) => _nccl.ReduceScatter(from, to, count, type, communicator, stream));
        return own.to(all.dtype).to(all.device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void Broadcast(Tensor tensor, int root = 0)
    {
        var type = TypeOf(tensor);
        RequireContiguous(tensor);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var data = tensor.detach().to(_memory);
        var (at, count) = (TensorMemory.Pointer(data), data.numel());
        Run("ncclBroadcast", tensor, [data], (communicator, stream) => _nccl.Broadcast(at, count, type, root, communicator, stream));
        if (IsElsewhere(tensor))
        {
            tensor.copy_(data);
        }
    }

    /// <summary>
    /// Waits until every rank has come here, and all that this one has asked of its GPU is done: what was computed until now is
    /// sound.
    /// </summary>
    /// <inheritdoc/>
    public override void Barrier()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var token = zeros([1], ScalarType.Byte, _memory);
        var at = TensorMemory.Pointer(token);
        _stream.Await(_stream.Begin(
            "ncclAllReduce of a barrier",
            [token],
            (communicator, stream) => _nccl.AllReduce(at, at, 1, Nccl.UInt8, Nccl.Sum, communicator, stream)));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _stream.Dispose();
        _meeting?.Dispose();
    }

    /// <inheritdoc/>
    internal override PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction)
    {
        _ = TypeOf(tensor);
        RequireContiguous(tensor);
        if (reduction == Reduction.Mean && !tensor.is_floating_point())
        {
            throw new ArgumentException($"tensor: is {tensor.dtype}, must be of floating-point numbers for a mean", nameof(tensor));
        }

        return new Pending(this, tensor, reduction);
    }

    private static int TypeOf(Tensor tensor) => tensor.dtype switch
    {
        ScalarType.Float32 => Nccl.Float32,
        ScalarType.Float64 => Nccl.Float64,
        ScalarType.BFloat16 => Nccl.BFloat16,
        ScalarType.Int64 => Nccl.Int64,
        ScalarType.Byte => Nccl.UInt8,
        var other => throw new ArgumentException(
            $"tensor: is {other}, must be float32, float64, bfloat16, int64 or uint8; convert it", nameof(tensor)),
    };

    /// <summary>NCCL rounds sums of bfloat16 each time they pass a rank; a copy in float32 is rounded once. Or the tensor itself.</summary>
    private static Tensor Summable(Tensor tensor, Reduction reduction) =>
        tensor.dtype == ScalarType.BFloat16 && reduction is Reduction.Sum or Reduction.Mean ? tensor.to(float32) : tensor;

    private static void RequireContiguous(Tensor tensor)
    {
        if (!tensor.is_contiguous())
        {
            throw new ArgumentException("tensor: is not contiguous, must be, as it is changed in place", nameof(tensor));
        }
    }

    /// <summary>Makes an address the place to meet, for NCCL and for messages.</summary>
    private static string MeetAtAddress(RankEnvironment place, TimeSpan patience)
    {
        if (place.Ranks == 1)
        {
            return "this machine";
        }

        if (place is not { MasterAddress: { } host, MasterPort: { } port })
        {
            throw new CommunicationException(
                $"rank {place.Rank} of {place.Ranks}: does not know where rank 0 is; set MASTER_ADDR to its machine and MASTER_PORT to a " +
                "free port there, or start the ranks with torchrun or mpirun");
        }

        if (place.Ranks > place.LocalRanks && place.LocalRanks > 0 && IsLoopback(host))
        {
            throw new CommunicationException(
                $"MASTER_ADDR={host}: is the loopback address here, which no other machine reaches; set it to an address of rank 0's machine "
                + "(Debian's /etc/hosts gives the machine's own name 127.0.1.1)");
        }

        var address = $"{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}";
        NativeEnvironment.Set(AddressVariable, address, keepsExisting: false);
        // A rank that comes before rank 0 finds nobody there, and tries again after 0.1 s, 0.2 s, 0.3 s, ...
        var tries = (int)Math.Ceiling(Math.Sqrt(2 * Math.Min(patience.TotalSeconds, TimeSpan.SecondsPerDay) / 0.1));
        NativeEnvironment.Set(RetriesVariable, tries.ToString(CultureInfo.InvariantCulture), keepsExisting: true);
        return address;
    }

    private static bool IsLoopback(string host)
    {
        try
        {
            return Array.TrueForAll(System.Net.Dns.GetHostAddresses(host), System.Net.IPAddress.IsLoopback);
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false; // NCCL says that it does not know it
        }
    }

    /// <summary>Tells all ranks the id that the first makes.</summary>
    private static NcclUniqueId IdOfFirst(Nccl nccl, Communicator meeting)
    {
        var id = meeting.Rank == 0 ? nccl.CreateId() : default;
        using var bytes = tensor(new ReadOnlySpan<byte>(id.Bytes, NcclUniqueId.Length).ToArray());
        meeting.Broadcast(bytes);
        bytes.bytes.CopyTo(new Span<byte>(id.Bytes, NcclUniqueId.Length));
        return id;
    }

    private bool IsElsewhere(Tensor tensor) =>
        tensor.device_type != _memory.type || (_memory.type == DeviceType.CUDA && tensor.device_index != _memory.index);

    /// <summary>Runs an operation whose result is ready for whoever uses <paramref name="argument"/>.</summary>
    private void Run(string function, Tensor argument, Tensor[] used, NcclStream.Start begin)
    {
        _stream.ThrowWhatFailed();
        if (argument.numel() > 0) // of nothing there is nothing to send, on any rank
        {
            Complete(_stream.Begin($"{function} of {used[0].numel()} {used[0].dtype}", used, begin), IsElsewhere(argument));
        }
    }

    private void Complete(NcclOperation operation, bool holdsHost)
    {
        if (holdsHost)
        {
            _stream.Await(operation);
        }
        else
        {
            _stream.Order(operation);
        }
    }

    private sealed class Pending : PendingReduction
    {
        private readonly NcclCommunicator _ranks;
        private readonly Tensor _tensor;
        private readonly Tensor _data;
        private readonly NcclOperation? _operation;

        public Pending(NcclCommunicator ranks, Tensor tensor, Reduction reduction)
        {
            using var _ = no_grad();
            _ranks = ranks;
            using (NewDisposeScope())
            {
                _tensor = tensor.detach().DetachFromDisposeScope();
                _data = Summable(_tensor.to(ranks._memory), reduction).alias().DetachFromDisposeScope();
            }

            var (at, count, type) = (TensorMemory.Pointer(_data), _data.numel(), TypeOf(_data));
            var operation = reduction switch
            {
                Reduction.Sum => Nccl.Sum,
                Reduction.Mean => Nccl.Average,
                Reduction.Max => Nccl.Max,
                _ => Nccl.Min,
            };
            ranks._stream.ThrowWhatFailed();
            if (count > 0)
            {
                _operation = ranks._stream.Begin(
                    $"ncclAllReduce of {count} {_data.dtype}",
                    [_data],
                    (communicator, stream) => ranks._nccl.AllReduce(at, at, count, type, operation, communicator, stream));
            }
        }

        public override void Wait()
        {
            if (_operation is not null)
            {
                _ranks.Complete(_operation, _ranks.IsElsewhere(_tensor));
                if (_data.dtype != _tensor.dtype || _ranks.IsElsewhere(_tensor))
                {
                    using var _ = no_grad();
                    _tensor.copy_(_data);
                }
            }

            _data.Dispose();
            _tensor.Dispose();
        }
    }
}

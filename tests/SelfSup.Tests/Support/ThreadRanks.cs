using System.Runtime.ExceptionServices;

using SelfSup.Distributed;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>Ranks that are threads of this process: what a method does with several can be tested anywhere.</summary>
internal sealed class ThreadRanks : IDisposable
{
    private readonly Barrier _barrier;
    private readonly Tensor[] _offered;
    private readonly CancellationTokenSource _failed = new();

    private ThreadRanks(int ranks) => (_barrier, _offered) = (new Barrier(ranks), new Tensor[ranks]);

    /// <summary>Lets every rank do its part at the same time, each with its own communicator and dispose scope.</summary>
    public static void Run(int ranks, Action<Communicator> part)
    {
        using var group = new ThreadRanks(ranks);
        var failures = new Exception?[ranks];
        Thread[] threads = [.. Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
        {
            try
            {
                set_num_threads(1);
                using var scope = NewDisposeScope();
                using var communicator = new Member(group, rank, ranks);
                part(communicator);
            }
            catch (Exception e)
            {
                failures[rank] = e;
                group._failed.Cancel(); // the others would wait
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        if ((failures.FirstOrDefault(f => f is not (null or OperationCanceledException)) ?? failures.FirstOrDefault(f => f is not null)) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    public void Dispose()
    {
        _barrier.Dispose();
        _failed.Dispose();
    }

    /// <summary>A copy of everyone's tensor, in rank order.</summary>
    private Tensor[] Exchange(int rank, Tensor own)
    {
        _offered[rank] = own;
        _barrier.SignalAndWait(_failed.Token);
        Tensor[] all = [.. _offered.Select(tensor => tensor.detach().clone())];
        _barrier.SignalAndWait(_failed.Token); // nobody goes on and changes its tensor before all have copied it
        return all;
    }

    private sealed class Member(ThreadRanks group, int rank, int ranks) : Communicator
    {
        public override int Rank => rank;

        public override int Ranks => ranks;

        internal override string Engine => "threads";

        public override Tensor AllGather(Tensor local)
        {
            RequireKnown(local);
            return cat(group.Exchange(rank, local));
        }

        public override Tensor ReduceScatter(Tensor all)
        {
            RequireKnown(all);
            var rows = all.shape[0] / ranks;
            return stack(group.Exchange(rank, all)).sum(dim: 0, type: all.dtype).narrow(0, rank * rows, rows).clone();
        }

        public override void Broadcast(Tensor tensor, int root = 0)
        {
            RequireKnown(tensor, inPlace: true);
            using var _ = no_grad();
            tensor.copy_(group.Exchange(rank, tensor)[root]);
        }

        public override void Barrier() => group._barrier.SignalAndWait(group._failed.Token);

        public override void Dispose()
        {
        }

        internal override PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction)
        {
            RequireKnown(tensor, inPlace: true, isMean: reduction == Reduction.Mean);
            using var _ = no_grad();
            var all = stack(group.Exchange(rank, tensor));
            tensor.copy_(reduction switch
            {
                Reduction.Sum => all.sum(dim: 0, type: tensor.dtype),
                Reduction.Mean => all.mean([0L]),
                Reduction.Max => all.amax([0L]),
                _ => all.amin([0L]),
            });
            return PendingReduction.Done;
        }

        private static void RequireKnown(Tensor tensor, bool inPlace = false, bool isMean = false)
        {
            var isKnown = tensor.dtype is ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16
                || (!isMean && tensor.dtype is ScalarType.Int64 or ScalarType.Byte);
            if (!isKnown || (inPlace && !tensor.is_contiguous()))
            {
                throw new ArgumentException($"tensor: is {tensor.dtype}, or is not contiguous", nameof(tensor));
            }
        }
    }
}

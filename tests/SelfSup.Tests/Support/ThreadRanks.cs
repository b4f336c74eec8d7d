using System.Runtime.ExceptionServices;

using SelfSup.Distributed;
using SelfSup.Tensors;

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

        public override void AllReduceMean(Tensor tensor)
        {
            using var _ = no_grad();
            tensor.copy_(stack(group.Exchange(rank, tensor)).mean([0L]));
        }

        public override Tensor AllGather(Tensor local) => cat(group.Exchange(rank, local));

        public override Tensor GatherLearned(Tensor local) => Gather.apply(local, this);

        public override void Dispose()
        {
        }

        private sealed class Gather : autograd.SingleTensorFunction<Gather>
        {
            public override string Name => nameof(Gather);

            public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
            {
                var (local, member) = ((Tensor)arguments[0], (Member)arguments[1]);
                context.set_materialize_grads(false);
                context.save_data(nameof(member), member);
                context.save_data("rows", local.shape[0]);
                using var _ = no_grad();
                return member.AllGather(local);
            }

            public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient) => GuardedBackward.Body(2, gradient, () =>
            {
                var (member, rows) = ((Member)context.get_data("member"), (long)context.get_data("rows"));
                var sum = stack(member.ExchangeGradients(gradient)).sum(dim: 0);
                return [sum.narrow(0, member.Rank * rows, rows).clone()];
            });
        }

        private Tensor[] ExchangeGradients(Tensor gradient) => group.Exchange(rank, gradient);
    }
}

using static TorchSharp.torch;

namespace SelfSup.Distributed;

/// <summary>
/// Collective operations over the R ranks of a run. Every rank calls the same operations in the same order, with tensors of the
/// same shape; on each, the results are the same bits. Tensors are float32, float64, bfloat16, int64 or uint8, and contiguous
/// where they are changed in place; bfloat16 is summed in float32. Calls of several threads must not overlap.
/// </summary>
public abstract class Communicator : IDisposable
{
    internal Communicator()
    {
    }

    /// <summary>A run of one rank.</summary>
    internal static Communicator Single { get; } = new SingleRank();

    /// <summary>Which rank this is, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>R, the number of ranks.</summary>
    public abstract int Ranks { get; }

    /// <summary>What carries the messages, for people: <c>Open MPI v4.1.4</c>, <c>NCCL 2.27.5</c>, <c>one rank</c>.</summary>
    internal abstract string Engine { get; }

    /// <summary>
    /// Looks whether the other ranks are there, and throws where one is not. Called now and then by whoever waits for them; null
    /// where nobody knows.
    /// </summary>
    internal Action? LookAtRanks { get; set; }

    /// <summary>Replaces <paramref name="tensor"/> with the reduction over ranks.</summary>
    /// <param name="tensor">Any shape, contiguous.</param>
    /// <param name="reduction">How values become one.</param>
    /// <exception cref="Errors.CommunicationException">A rank or the library went wrong.</exception>
    public void AllReduce(Tensor tensor, Reduction reduction) => BeginAllReduce(tensor, reduction).Wait();

    /// <summary>Replaces <paramref name="tensor"/> with its mean over ranks.</summary>
    /// <inheritdoc cref="AllReduce"/>
    public void AllReduceMean(Tensor tensor) => AllReduce(tensor, Reduction.Mean);

    /// <summary>
    /// Concatenates every rank's tensor in rank order, [N, ...] to [R * N, ...]. No gradient flows back. With one rank the result
    /// is an alias of the argument.
    /// </summary>
    /// <inheritdoc cref="AllReduce"/>
    public abstract Tensor AllGather(Tensor local);

    /// <summary>Sums every rank's tensor and leaves a rank its own rows of the sum, [R * N, ...] to [N, ...].</summary>
    /// <inheritdoc cref="AllReduce"/>
    public abstract Tensor ReduceScatter(Tensor all);

    /// <summary>Replaces <paramref name="tensor"/> with that of one rank.</summary>
    /// <param name="tensor">Any shape, contiguous.</param>
    /// <param name="root">Whose.</param>
    /// <exception cref="Errors.CommunicationException">A rank or the library went wrong.</exception>
    public abstract void Broadcast(Tensor tensor, int root = 0);

    /// <summary>Waits until every rank has come here.</summary>
    /// <exception cref="Errors.CommunicationException">A rank or the library went wrong.</exception>
    public abstract void Barrier();

    /// <summary>
    /// Concatenates every rank's tensor in rank order, [N, D] to [R * N, D], with a graph: a gradient flows back to the rank
    /// that the rows came from, summed over ranks. With one rank the result is the argument itself.
    /// </summary>
    public Tensor GatherLearned(Tensor local) => Ranks == 1 ? local : Gather.apply(local, this);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Begins an all-reduce in place, beside which other work may go on; it may be waited for in any order.</summary>
    /// <param name="tensor">Any shape, contiguous; left alone until it is waited for.</param>
    /// <param name="reduction">How values become one.</param>
    internal abstract PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction);

    /// <summary>All-gather whose way back is the reduce-scatter.</summary>
    private sealed class Gather : autograd.SingleTensorFunction<Gather>
    {
        public override string Name => nameof(GatherLearned);

        public override Tensor forward(autograd.AutogradContext context, params object[] arguments)
        {
            var (local, ranks) = ((Tensor)arguments[0], (Communicator)arguments[1]);
            context.set_materialize_grads(false);
            context.save_data(nameof(Communicator), ranks);
            using var _ = no_grad();
            return ranks.AllGather(local);
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
        {
            var ranks = (Communicator)context.get_data(nameof(Communicator));
            return Tensors.GuardedBackward.Body(2, gradient, () => [ranks.ReduceScatter(gradient.contiguous())]);
        }
    }

    private sealed class SingleRank : Communicator
    {
        public override int Rank => 0;

        public override int Ranks => 1;

        internal override string Engine => "one rank";

        public override Tensor AllGather(Tensor local) => local.alias();

        public override Tensor ReduceScatter(Tensor all) => all.alias();

        public override void Broadcast(Tensor tensor, int root = 0)
        {
        }

        public override void Barrier()
        {
        }

        public override void Dispose()
        {
        }

        internal override PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction) => PendingReduction.Done;
    }
}

using static TorchSharp.torch;

namespace SelfSup.Distributed;

/// <summary>Collective operations over the R ranks of a run. Every rank calls the same operations in the same order.</summary>
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

    /// <summary>Replaces <paramref name="tensor"/> with its mean over ranks.</summary>
    public abstract void AllReduceMean(Tensor tensor);

    /// <summary>Concatenates every rank's tensor in rank order, [N, D] to [R * N, D]. No gradient flows back.</summary>
    public abstract Tensor AllGather(Tensor local);

    /// <summary>
    /// Concatenates every rank's tensor in rank order, [N, D] to [R * N, D], with a graph: a gradient flows back to the rank
    /// that the rows came from, summed over ranks. With one rank the result is the argument itself.
    /// </summary>
    public abstract Tensor GatherLearned(Tensor local);

    /// <inheritdoc/>
    public abstract void Dispose();

    private sealed class SingleRank : Communicator
    {
        public override int Rank => 0;

        public override int Ranks => 1;

        public override void AllReduceMean(Tensor tensor)
        {
        }

        public override Tensor AllGather(Tensor local) => local.alias();

        public override Tensor GatherLearned(Tensor local) => local;

        public override void Dispose()
        {
        }
    }
}

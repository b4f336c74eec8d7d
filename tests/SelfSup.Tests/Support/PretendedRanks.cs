using SelfSup.Distributed;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>The first of two ranks, of which the other is not there: a test says what comes of the operations that it expects, others fail it.</summary>
internal abstract class PretendedRanks : Communicator
{
    public override int Rank => 0;

    public override int Ranks => 2;

    internal override string Engine => "pretended";

    public override Tensor AllGather(Tensor local) => throw Unexpected(nameof(AllGather));

    public override Tensor ReduceScatter(Tensor all) => throw Unexpected(nameof(ReduceScatter));

    public override void Broadcast(Tensor tensor, int root = 0) => throw Unexpected(nameof(Broadcast));

    public override void Barrier() => throw Unexpected(nameof(Barrier));

    public override void Dispose()
    {
    }

    internal override PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction) => throw Unexpected(nameof(BeginAllReduce));

    private static InvalidOperationException Unexpected(string operation) => new($"{operation}: nobody expected it");
}

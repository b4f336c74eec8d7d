using SelfSup.Distributed;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>Statistics of a batch that ranks share.</summary>
/// <param name="communicator">The ranks.</param>
internal sealed class RankExchange(Communicator communicator) : IStatisticsExchange
{
    /// <inheritdoc/>
    public IReadOnlyList<double[]> Gather(double[] own)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var numbers = communicator.AllGather(tensor(own)).data<double>().ToArray();
        return [.. numbers.Chunk(own.Length)];
    }

    /// <inheritdoc/>
    public Tensor Gather(Tensor own)
    {
        using var _ = no_grad();
        return communicator.AllGather(own.unsqueeze(0));
    }
}

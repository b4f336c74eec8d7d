using SelfSup.Checkpoints;
using SelfSup.Distributed;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>The ranks of a run as those who write and read its checkpoints.</summary>
internal static class CheckpointGroup
{
    /// <summary>Agrees on a name for this start of the ranks. Every rank calls it, at the same place among its collectives.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="device">Where tensors must be that they exchange.</param>
    /// <exception cref="Errors.CommunicationException">A rank or the library went wrong.</exception>
    public static CheckpointRanks Of(Communicator communicator, Device device)
    {
        if (communicator.Ranks == 1)
        {
            return CheckpointRanks.Single;
        }

        // Random for other starts, not for numbers of the run.
        using var session = tensor(BitConverter.ToInt64(Guid.NewGuid().ToByteArray()), int64, device);
        communicator.Broadcast(session);
        return new CheckpointRanks(communicator.Rank, communicator.Ranks, session.item<long>().ToString("x16", System.Globalization.CultureInfo.InvariantCulture))
        {
            LookAtRanks = () => communicator.LookAtRanks?.Invoke(), // it may be given later
            Least = value =>
            {
                using var least = tensor(value, int64, device);
                communicator.AllReduce(least, Reduction.Min);
                return least.item<long>();
            },
        };
    }
}

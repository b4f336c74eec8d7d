using System.Globalization;
using System.IO.Hashing;

using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>What every rank has of its own and all must have alike: weights, and running statistics of normalisations.</summary>
/// <param name="method">Whose encoders.</param>
/// <param name="communicator">The ranks.</param>
internal sealed class RankReplicas(Method method, Communicator communicator)
{
    private const int HashBytes = 16;

    private readonly Tensor[] _statistics =
        [.. method.Encoders.SelectMany(encoder => encoder.Statistics).Where(buffer => buffer.is_floating_point())];

    /// <summary>Gives all ranks the first one's.</summary>
    public void Equalise()
    {
        if (communicator.Ranks == 1)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var encoder in method.Encoders)
        {
            communicator.Broadcast(encoder.Parameters.Values);
        }

        Joined(statistics => communicator.Broadcast(statistics, root: 0));
    }

    /// <summary>A step is done.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="averages">Whether running statistics, of which every rank has made its own, become their mean.</param>
    /// <param name="compareEvery">After so many steps weights are compared; 0 for never.</param>
    /// <exception cref="CommunicationException">Ranks no longer have the same weights.</exception>
    public void StepDone(long step, bool averages, int compareEvery)
    {
        if (communicator.Ranks == 1)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (averages)
        {
            Joined(communicator.AllReduceMean);
        }

        if (compareEvery > 0 && step % compareEvery == 0)
        {
            Compare(step);
        }
    }

    private void Compare(long step)
    {
        var hash = new XxHash128();
        foreach (var values in method.Encoders.Select(encoder => encoder.Parameters.Values).Concat(_statistics))
        {
            Append(hash, values.cpu().contiguous().view(-1));
        }

        var all = communicator.AllGather(tensor(hash.GetHashAndReset())).data<byte>().ToArray().Chunk(HashBytes).ToArray();
        var different = Enumerable.Range(1, all.Length - 1).Where(rank => !all[rank].AsSpan().SequenceEqual(all[0])).ToArray();
        if (different.Length > 0)
        {
            throw new CommunicationException(string.Create(
                CultureInfo.InvariantCulture,
                $"rank {string.Join(", ", different)}: has other weights than rank 0 after step {step} (ranks.compareEverySteps), must have the same; "
                + $"a device that computes wrongly, another kind of processor or GPU, or another libtorch there: see selfsup doctor on both, and give the same command again"));
        }
    }

    private static void Append(XxHash128 hash, Tensor flat)
    {
        const long Piece = 1 << 28; // a span has at most 2^31 bytes
        for (long at = 0; at < flat.numel(); at += Piece)
        {
            using var piece = flat.narrow(0, at, Math.Min(Piece, flat.numel() - at));
            hash.Append(piece.bytes);
        }
    }

    /// <summary>Hundreds of small tensors go as one.</summary>
    private void Joined(Action<Tensor> exchange)
    {
        if (_statistics.Length == 0)
        {
            return;
        }

        var joined = cat([.. _statistics.Select(buffer => buffer.reshape(-1))]);
        exchange(joined);
        long first = 0;
        foreach (var buffer in _statistics)
        {
            buffer.copy_(joined.narrow(0, first, buffer.numel()).reshape(buffer.shape));
            first += buffer.numel();
        }
    }
}

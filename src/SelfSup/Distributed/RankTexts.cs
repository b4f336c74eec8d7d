using System.Text;

using static TorchSharp.torch;

namespace SelfSup.Distributed;

/// <summary>Texts between ranks.</summary>
internal static class RankTexts
{
    /// <summary>The text of one rank, for all.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="own">This rank's text; looked at on the root only.</param>
    /// <param name="root">Whose.</param>
    public static string Broadcast(this Communicator communicator, string own, int root = 0)
    {
        if (communicator.Ranks == 1)
        {
            return own;
        }

        using var scope = NewDisposeScope();
        var bytes = Encoding.UTF8.GetBytes(own);
        var length = tensor(new long[] { bytes.Length });
        communicator.Broadcast(length, root);
        var text = zeros(length.item<long>(), uint8);
        if (communicator.Rank == root)
        {
            text = tensor(bytes, uint8);
        }

        communicator.Broadcast(text, root);
        return Encoding.UTF8.GetString(text.data<byte>().ToArray());
    }

    /// <summary>The texts of all ranks, in their order.</summary>
    public static IReadOnlyList<string> Gather(this Communicator communicator, string own)
    {
        if (communicator.Ranks == 1)
        {
            return [own];
        }

        using var scope = NewDisposeScope();
        var bytes = Encoding.UTF8.GetBytes(own);
        var lengths = communicator.AllGather(tensor(new long[] { bytes.Length })).data<long>().ToArray();
        var padded = new byte[Math.Max(1, lengths.Max())];
        bytes.CopyTo(padded, 0);
        var all = communicator.AllGather(tensor(padded, uint8)).data<byte>().ToArray();
        return [.. lengths.Select((length, rank) => Encoding.UTF8.GetString(all, rank * padded.Length, (int)length))];
    }
}

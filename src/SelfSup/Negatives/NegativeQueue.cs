using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>
/// The last K keys, first in, first out (MoCo, He et al. 2020, https://arxiv.org/abs/1911.05722, section 3.2). Any length: a
/// batch that reaches its end goes on at its beginning.
/// </summary>
public sealed class NegativeQueue : IStateful, IDisposable
{
    private long _head;
    private long _written;

    /// <summary>A queue without keys.</summary>
    /// <param name="length">K.</param>
    /// <param name="width">D.</param>
    /// <param name="seed">Before keys come, it holds random unit vectors, as the authors' does; null for zeros.</param>
    /// <param name="like">Its element type and device.</param>
    public NegativeQueue(long length, long width, ulong? seed, Tensor like)
    {
        Keys = zeros([length, width], like.dtype, like.device).DetachFromDisposeScope();
        if (seed is { } given)
        {
            UnitVectors.Fill(Keys, given);
        }
    }

    /// <summary>The keys, [K, D]; it changes in place.</summary>
    public Tensor Keys { get; }

    /// <summary>The share that is filled with keys, 0 to 1.</summary>
    public double Filled => (double)Held / Keys.shape[0];

    /// <summary>How many of the K are keys; until there are K, they are the first ones.</summary>
    internal long Held => Math.Min(_written, Keys.shape[0]);

    /// <summary>Where the next key goes.</summary>
    internal long Head => _head;

    /// <summary>Replaces the oldest keys.</summary>
    /// <param name="keys">Unit-length keys of all ranks, [R * N, D]; of more than K the last K stay.</param>
    public void Enqueue(Tensor keys)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var count = keys.shape[0];
        foreach (var (at, first, piece) in Places(count))
        {
            Keys.narrow(0, at, piece).copy_(keys.narrow(0, first, piece));
        }

        _head = (_head + count) % Keys.shape[0];
        _written += count;
    }

    /// <summary>Where so many keys go that come next: pieces of neighbouring ones; of more than K the last K.</summary>
    internal IEnumerable<(long At, long First, long Count)> Places(long count)
    {
        var length = Keys.shape[0];
        for (var first = Math.Max(0, count - length); first < count;)
        {
            var at = (_head + first) % length;
            var piece = Math.Min(count - first, length - at);
            yield return (at, first, piece);
            first += piece;
        }
    }

    /// <summary>How many steps ago the keys in it were made, on average over those that are keys.</summary>
    /// <param name="perStep">Keys that a step puts in.</param>
    public double MeanAge(long perStep) => ((Held / (double)perStep) + 1) / 2;

    /// <summary>How many steps ago the oldest key in it was made; 0 while there is none.</summary>
    /// <param name="perStep">Keys that a step puts in.</param>
    internal double OldestAge(long perStep) => Math.Ceiling(Held / (double)perStep);

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Tensor("keys", Keys);
        _head = archive.Number("head", _head);
        _written = archive.Number("written", _written);
    }

    /// <inheritdoc/>
    public void Dispose() => Keys.Dispose();

    /// <summary>Bytes of a queue.</summary>
    public static long Bytes(long length, long width) => length * width * sizeof(float);
}

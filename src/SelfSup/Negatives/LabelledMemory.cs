using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Negatives;

/// <summary>
/// The last K embeddings with their classes, first in, first out: cross-batch memory (Wang et al. 2020,
/// https://arxiv.org/abs/1912.06798, section 3.3). Before it is full, only what has been put in counts.
/// </summary>
public sealed class LabelledMemory : IStateful, IDisposable
{
    private readonly NegativeQueue _queue;

    /// <summary>An empty memory.</summary>
    /// <param name="length">K.</param>
    /// <param name="width">D.</param>
    /// <param name="like">The element type and device of embeddings.</param>
    public LabelledMemory(long length, long width, Tensor like)
    {
        _queue = new NegativeQueue(length, width, seed: null, like);
        Labels = zeros(length, int64, like.device).DetachFromDisposeScope();
    }

    /// <summary>The embeddings, [K, D], of which the first <see cref="Held"/> count; it changes in place.</summary>
    public Tensor Embeddings => _queue.Keys;

    /// <summary>Their classes, int64 [K]; it changes in place.</summary>
    public Tensor Labels { get; }

    /// <summary>How many are held.</summary>
    public long Held => _queue.Held;

    /// <summary>Where the next one goes.</summary>
    public long Next => _queue.Head;

    /// <summary>The share that is filled, 0 to 1.</summary>
    public double Filled => _queue.Filled;

    /// <summary>How many steps ago what is held was made, on average.</summary>
    /// <param name="perStep">Embeddings that a step puts in.</param>
    public double MeanAge(long perStep) => _queue.MeanAge(perStep);

    /// <summary>How many steps ago the oldest was made.</summary>
    /// <param name="perStep">Embeddings that a step puts in.</param>
    internal double OldestAge(long perStep) => _queue.OldestAge(perStep);

    /// <summary>Replaces the oldest.</summary>
    /// <param name="embeddings">Of all ranks, of the length that the loss takes them in, [N, D].</param>
    /// <param name="labels">Their classes, int64 [N].</param>
    public void Enqueue(Tensor embeddings, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        foreach (var (at, first, count) in _queue.Places(labels.shape[0]))
        {
            Labels.narrow(0, at, count).copy_(labels.narrow(0, first, count));
        }

        _queue.Enqueue(embeddings);
    }

    /// <summary>
    /// What it will hold when a batch has been put in: the batch, then what stays. So a batch is compared with itself as a constant
    /// too, as the reference does it, while the memory changes after the step only.
    /// </summary>
    /// <param name="embeddings">At most K, [N, D]; taken as constants.</param>
    /// <param name="labels">Their classes, int64 [N].</param>
    /// <returns>Copies: embeddings [M, D] and classes [M], with M at most K.</returns>
    public (Tensor Embeddings, Tensor Labels) With(Tensor embeddings, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (length, count) = (Labels.shape[0], labels.shape[0]);
        if (count > length)
        {
            throw new ArgumentException($"embeddings: are {count}, must be at most the {length} that are held", nameof(embeddings));
        }

        return Joined(embeddings, labels, Next, Math.Min(Held, length - count));
    }

    /// <summary>What <see cref="With"/> gave of the batch that was put in last: the batch, then what else is held, from the oldest on.</summary>
    /// <param name="embeddings">Of that batch, [N, D]; taken as constants.</param>
    /// <param name="labels">Their classes, int64 [N].</param>
    /// <returns>Copies: embeddings [M, D] and classes [M], with M at most K.</returns>
    public (Tensor Embeddings, Tensor Labels) WithLast(Tensor embeddings, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (length, count) = (Labels.shape[0], labels.shape[0]);
        if (count > Held)
        {
            throw new ArgumentException($"embeddings: are {count}, must be those put in last, of {Held} that are held", nameof(embeddings));
        }

        return Joined(embeddings, labels, Next - count + length, Held - count);
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Part("queue", _queue);
        archive.Tensor("labels", Labels);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        Labels.Dispose();
    }

    /// <summary>Bytes of a memory.</summary>
    public static long Bytes(long length, long width) => NegativeQueue.Bytes(length, width) + (length * sizeof(long));

    // A batch, and as many as stay of those that end at a place.
    private (Tensor Embeddings, Tensor Labels) Joined(Tensor embeddings, Tensor labels, long end, long stay)
    {
        var length = Labels.shape[0];
        var oldest = (end - stay + length) % length;
        var untilEnd = Math.Min(stay, length - oldest);
        return (Of(Embeddings, embeddings), Of(Labels, labels));

        Tensor Of(Tensor all, Tensor batch) =>
            cat([batch.detach(), all.narrow(0, oldest, untilEnd), all.narrow(0, 0, stay - untilEnd)]).MoveToOuterDisposeScope();
    }
}

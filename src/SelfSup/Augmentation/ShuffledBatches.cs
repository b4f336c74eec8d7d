using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// The plan of training: each epoch in an order of its own (<see cref="SampleOrder"/>), full batches only. What is left
/// at the end of an epoch is dropped; another order leaves other images, so over the epochs all are seen.
/// </summary>
internal sealed class ShuffledBatches : BatchPlan
{
    private readonly ulong _seed;
    private readonly int _count;
    private readonly IReadOnlyList<int> _blockStarts;
    private readonly int _windowBlocks;
    private int[] _order = [];
    private long _epoch = -1;

    /// <param name="seed">The run's seed.</param>
    /// <param name="source">The data.</param>
    /// <param name="batchSize">N.</param>
    /// <param name="windowBlocks">
    /// How many blocks of the source are mixed with each other; all of them unless the source reads by block and keeps
    /// fewer than it has. The loader reads ahead into the next window, so the source should keep about twice as many.
    /// </param>
    /// <exception cref="RecipeException">There are fewer images than a batch has.</exception>
    public ShuffledBatches(ulong seed, IImageSource source, int batchSize, int windowBlocks = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(windowBlocks);
        if (source.Count < batchSize)
        {
            throw TooFew(source.Count, batchSize);
        }

        (_seed, _count, BatchSize) = (seed, source.Count, batchSize);
        (_blockStarts, _windowBlocks) = (source.BlockStarts, windowBlocks);
        StepsPerEpoch = _count / batchSize;
    }

    public override int BatchSize { get; }

    public override long StepsPerEpoch { get; }

    public override bool Substitutes => true;

    public override int Fill(long step, Span<int> indices)
    {
        var epoch = Epoch(step);
        if (epoch != _epoch)
        {
            _order = SampleOrder.Epoch(_seed, epoch, _count, _blockStarts, _windowBlocks);
            _epoch = epoch;
        }

        _order.AsSpan((int)(step % StepsPerEpoch) * BatchSize, BatchSize).CopyTo(indices);
        return BatchSize;
    }

    /// <summary>There are fewer images than a batch has.</summary>
    internal static RecipeException TooFew(int images, int batchSize) => new(
        $"data: {images:N0} images, must be at least one batch of {batchSize:N0}; use more images or a smaller batch");
}

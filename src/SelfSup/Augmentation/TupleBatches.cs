using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// Batches of whole tuples, the images of a tuple one after the other (a0 p0 a1 p1 ...), so that parts of a batch have whole tuples
/// too. Every row of the list comes once an epoch, but for what is left after the last full batch; which tuples a step has is a
/// function of (seed, step) that loss and loader ask for alike, each its own instance.
/// </summary>
internal sealed class TupleBatches : BatchPlan
{
    // Beside those of the other plans.
    private const int CandidateOrder = 4;

    private readonly ulong _seed;
    private readonly int _tuples;
    private int[] _rows = [];
    private long _epoch = -1;

    /// <param name="seed">The run's seed.</param>
    /// <param name="list">What is drawn from.</param>
    /// <param name="batchSize">N, images of a batch.</param>
    /// <exception cref="RecipeException">A batch does not hold whole tuples, or more than there are.</exception>
    public TupleBatches(ulong seed, TupleList list, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        if (batchSize % list.Width != 0)
        {
            var least = batchSize / list.Width * list.Width;
            throw new RecipeException(
                $"training.globalBatchSize: is {batchSize}, must be divisible by {list.Width}, the images of a tuple (anchor, "
                + $"{(list.PerTuple == 1 ? "positive" : $"{list.PerTuple} candidates")}{(list.HasNegatives ? ", negative" : "")}); take "
                + $"{Math.Max(list.Width, least)} or {least + list.Width}");
        }

        (_seed, List, BatchSize) = (seed, list, batchSize);
        _tuples = list.PerTuple == 1 ? list.Rows : list.Groups.Sum(rows => ((rows.Length - 1) / list.PerTuple) + 1);
        StepsPerEpoch = _tuples / TuplesPerBatch;
        if (StepsPerEpoch == 0)
        {
            throw new RecipeException(
                $"data.pairs: makes {_tuples:N0} tuples, must be at least one batch of {TuplesPerBatch:N0} ({batchSize:N0} images); list more or make "
                + "batches smaller");
        }
    }

    /// <summary>What is drawn from.</summary>
    public TupleList List { get; }

    /// <summary>T, tuples of a batch.</summary>
    public int TuplesPerBatch => BatchSize / List.Width;

    public override int BatchSize { get; }

    public override long StepsPerEpoch { get; }

    /// <inheritdoc/>
    /// <remarks>Another image in a tuple makes it none: who learns from it has to compare the images with those of the list.</remarks>
    public override bool Substitutes => true;

    public override int Fill(long step, Span<int> indices)
    {
        var rows = Rows(step);
        for (var tuple = 0; tuple < TuplesPerBatch; tuple++)
        {
            List.Images(rows.Slice(tuple * List.PerTuple, List.PerTuple), indices.Slice(tuple * List.Width, List.Width));
        }

        return BatchSize;
    }

    /// <summary>The rows of the list that make the tuples of a step, C for each, [T * C].</summary>
    public ReadOnlySpan<int> Rows(long step)
    {
        var epoch = Epoch(step);
        if (epoch != _epoch)
        {
            _rows = Deal(epoch);
            _epoch = epoch;
        }

        var length = TuplesPerBatch * List.PerTuple;
        return _rows.AsSpan((int)(step % StepsPerEpoch) * length, length);
    }

    private int[] Deal(long epoch)
    {
        var order = SampleOrder.Epoch(_seed, epoch, _tuples, [0], windowBlocks: 1);
        if (List.PerTuple == 1)
        {
            return order;
        }

        var each = List.PerTuple;
        var dealt = new int[_tuples * each];
        var tuple = 0;
        for (var anchor = 0; anchor < List.Groups.Count; anchor++)
        {
            var rows = List.Groups[anchor].ToArray();
            new CounterRandom(_seed, RandomPurpose.Order, epoch, anchor, CandidateOrder).Shuffle<int>(rows);
            for (var first = 0; first < rows.Length; first += each, tuple++)
            {
                // The last tuple is filled with some that the anchor's others have; an anchor has enough for one.
                var begin = Math.Min(first, rows.Length - each);
                rows.AsSpan(begin, each).CopyTo(dealt.AsSpan(order[tuple] * each));
            }
        }

        return dealt;
    }
}

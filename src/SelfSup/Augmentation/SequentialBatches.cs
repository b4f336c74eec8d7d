namespace SelfSup.Augmentation;

/// <summary>The plan of evaluation: every image once, in the source's order; the last batch may be smaller.</summary>
internal sealed class SequentialBatches : BatchPlan
{
    private readonly int _count;

    /// <param name="count">M, the number of images.</param>
    /// <param name="batchSize">N.</param>
    public SequentialBatches(int count, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        (_count, BatchSize) = (count, Math.Min(count, batchSize));
        StepsPerEpoch = ((count - 1L) / BatchSize) + 1;
    }

    public override int BatchSize { get; }

    public override long StepsPerEpoch { get; }

    public override bool Substitutes => false;

    public override int Fill(long step, Span<int> indices)
    {
        var first = (int)(step % StepsPerEpoch) * BatchSize;
        var rows = Math.Min(BatchSize, _count - first);
        for (var row = 0; row < rows; row++)
        {
            indices[row] = first + row;
        }

        return rows;
    }
}

namespace SelfSup.Augmentation;

/// <summary>
/// A rank's rows of every batch of a plan: the ranks together see the images that one would, in the same order, however many
/// they are.
/// </summary>
/// <param name="whole">The plan of all ranks; its batches must be divisible.</param>
/// <param name="rank">Which rank.</param>
/// <param name="ranks">R.</param>
internal sealed class RankShare(BatchPlan whole, int rank, int ranks) : BatchPlan
{
    private readonly int[] _all = new int[whole.BatchSize];

    public override int BatchSize { get; } = whole.BatchSize / ranks;

    public override long StepsPerEpoch => whole.StepsPerEpoch;

    public override bool Substitutes => whole.Substitutes;

    public override int Fill(long step, Span<int> indices)
    {
        _ = whole.Fill(step, _all);
        _all.AsSpan(rank * BatchSize, BatchSize).CopyTo(indices);
        return BatchSize;
    }
}

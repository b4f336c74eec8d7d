namespace SelfSup.Augmentation;

/// <summary>
/// Which images each step sees, as a function of the step, so that reading can begin at any step. One reader at a time.
/// </summary>
internal abstract class BatchPlan
{
    /// <summary>N, the images of a full batch.</summary>
    public abstract int BatchSize { get; }

    /// <summary>The steps of one pass over the data.</summary>
    public abstract long StepsPerEpoch { get; }

    /// <summary>
    /// What happens to an image that cannot be read and may be skipped: another image takes its place, so that batches
    /// stay full, or it is left out, so that no image counts twice.
    /// </summary>
    public abstract bool Substitutes { get; }

    public long Epoch(long step) => step / StepsPerEpoch;

    /// <summary>Writes the indices of a step's images, in the order of the rows; returns how many.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="indices">Room for a full batch, [N].</param>
    public abstract int Fill(long step, Span<int> indices);
}

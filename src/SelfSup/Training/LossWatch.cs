using SelfSup.Checkpoints;

namespace SelfSup.Training;

/// <summary>
/// Tells a loss that jumps from one that is noisy: it lies many mean deviations above the moving mean. The numbers are from the
/// curves of twenty runs of all methods: none of 10,000 losses lay more than 6 deviations above, and by how their distances
/// thin out the noisiest curve would have one above 10 in a million.
/// </summary>
internal static class LossWatch
{
    /// <summary>Mean deviations above the mean from which a loss has jumped.</summary>
    public const double Jump = 10;

    /// <summary>Losses before the first that is judged: at the beginning they fall fast.</summary>
    public const int WarmUp = 100;

    // What a new loss counts: the mean is of about fifty.
    private const double Weight = 0.02;

    // A loss that hardly moves would jump at its rounding.
    private const double LeastDeviation = 1e-3;

    /// <summary>Whether a loss has jumped.</summary>
    public static bool IsJump(LossLevel level, double loss) => level.Steps >= WarmUp && loss - level.Mean > Jump * Scale(level);

    /// <summary>The level with another loss. One that is far away counts as one that is just so far that it would be called a jump.</summary>
    public static LossLevel After(LossLevel level, double loss)
    {
        if (level.Steps == 0)
        {
            return new LossLevel { Steps = 1, Mean = loss };
        }

        // At first the plain mean of all.
        var weight = Math.Max(Weight, 1.0 / (level.Steps + 1));
        var distance = loss - level.Mean;
        if (level.Steps >= WarmUp)
        {
            distance = Math.Clamp(distance, -Jump * Scale(level), Jump * Scale(level));
        }

        return new LossLevel
        {
            Steps = level.Steps + 1,
            Mean = level.Mean + (weight * distance),
            Deviation = level.Deviation + (weight * (Math.Abs(distance) - level.Deviation)),
        };
    }

    private static double Scale(LossLevel level) => Math.Max(level.Deviation, LeastDeviation * Math.Abs(level.Mean));
}

using System.ComponentModel.DataAnnotations;
using System.Globalization;

using SelfSup.Errors;

namespace SelfSup.Optimization;

/// <summary>What every schedule has: a rate and a warm-up.</summary>
internal abstract class ScheduleOptions
{
    /// <summary>
    /// The rate after the warm-up. It is the number that is used: scaling it with the global batch size is the recipe's
    /// business.
    /// </summary>
    [Range(0, double.MaxValue, MinimumIsExclusive = true)]
    public double LearningRate { get; set; }

    /// <summary>The length of the linear warm-up in epochs, rounded to whole steps.</summary>
    [Range(0, double.MaxValue)]
    public double WarmupEpochs { get; set; }

    /// <summary>Where the warm-up starts, as a fraction of <see cref="LearningRate"/>.</summary>
    [Range(0.0, 1.0)]
    public double WarmupStart { get; set; }

    /// <summary>The warm-up in steps.</summary>
    /// <exception cref="RecipeException">The run ends before the warm-up does.</exception>
    internal long WarmupSteps(ScheduleSpan span)
    {
        var steps = (long)Math.Round(WarmupEpochs * span.StepsPerEpoch);
        return steps == 0 || steps < span.TotalSteps
            ? steps
            : throw new RecipeException(string.Create(
                CultureInfo.InvariantCulture,
                $"schedule.warmupEpochs: {WarmupEpochs} epochs are {steps} steps and the run has {span.TotalSteps}, " +
                $"must be shorter than the run; lower it or raise training.epochs"));
    }

    /// <summary>The rate of step k of w warm-up steps: rate * (s + (1 - s) k / w), s the start.</summary>
    internal double Warmup(long step, long steps) => LearningRate * (WarmupStart + ((1 - WarmupStart) * step / steps));
}

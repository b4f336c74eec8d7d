using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;

namespace SelfSup.Optimization;

/// <summary>Settings of <see cref="StepSchedule"/>.</summary>
internal sealed class StepOptions : ScheduleOptions, IValidatableObject
{
    /// <summary>The epochs at whose start the rate falls, counted from 0 and rising.</summary>
    [Required]
    [MinLength(1)]
    public double[] Milestones { get; set; } = [];

    /// <summary>What the rate is multiplied by at each milestone.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double Factor { get; set; } = 0.1;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Milestones is not null && Milestones.Zip(Milestones.Prepend(0)).Any(m => !(m.First > m.Second)))
        {
            yield return new("milestones must be above 0 and rise", [nameof(Milestones)]);
        }
    }
}

/// <summary>
/// A linear warm-up, then a constant rate that is multiplied by a factor at milestones, as in MoCo v1.
/// </summary>
[Named("step")]
internal sealed class StepSchedule(StepOptions options, ScheduleSpan span) : ILearningRateSchedule
{
    private readonly long _warmup = options.WarmupSteps(span);
    private readonly long[] _milestones = [.. options.Milestones.Select(m => (long)Math.Round(m * span.StepsPerEpoch))];

    /// <inheritdoc/>
    public double At(long step) =>
        (step < _warmup ? options.Warmup(step, _warmup) : options.LearningRate) *
        Math.Pow(options.Factor, _milestones.Count(m => step >= m));
}

using SelfSup.Catalogs;

namespace SelfSup.Optimization;

/// <summary>Settings of <see cref="ConstantSchedule"/>.</summary>
internal sealed class ConstantOptions : ScheduleOptions;

/// <summary>A linear warm-up, then one rate to the end.</summary>
[Named("constant")]
internal sealed class ConstantSchedule(ConstantOptions options, ScheduleSpan span) : ILearningRateSchedule
{
    private readonly long _warmup = options.WarmupSteps(span);

    /// <inheritdoc/>
    public double At(long step) => step < _warmup ? options.Warmup(step, _warmup) : options.LearningRate;
}

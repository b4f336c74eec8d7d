namespace SelfSup.Optimization;

/// <summary>
/// The learning rate as a pure function of the step: there is nothing to save, and a resumed run goes on exactly.
/// Implementations are marked <see cref="Catalogs.NamedAttribute"/> and have a constructor
/// <c>(TOptions, ScheduleSpan)</c>.
/// </summary>
internal interface ILearningRateSchedule
{
    /// <summary>The rate of a step; the first step is 0.</summary>
    double At(long step);
}

/// <summary>How long the run is.</summary>
/// <param name="TotalSteps">Optimizer updates in the whole run.</param>
/// <param name="StepsPerEpoch">Optimizer updates in one pass over the images.</param>
public sealed record ScheduleSpan(long TotalSteps, long StepsPerEpoch);

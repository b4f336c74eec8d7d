namespace SelfSup.Training;

/// <summary>How long a run is and when it does what; all of it is known before the first step.</summary>
/// <param name="BatchSize">Images a step.</param>
/// <param name="StepsPerEpoch">Whole batches in a pass over the images.</param>
/// <param name="TotalSteps">Steps of the run.</param>
/// <param name="CheckpointEvery">A checkpoint after every so many steps.</param>
/// <param name="CheckpointEverySteps">And after every so many, or null.</param>
/// <param name="EvaluateEvery">An evaluation after every so many steps; 0 for only before the first and after the last.</param>
public sealed record TrainingPlan(
    int BatchSize,
    long StepsPerEpoch,
    long TotalSteps,
    long CheckpointEvery,
    long? CheckpointEverySteps,
    long EvaluateEvery)
{
    /// <summary>Epochs done after so many steps, with the part of the current one.</summary>
    public double Epoch(long step) => (double)step / StepsPerEpoch;

    /// <summary>Whether the backbone is judged after so many steps.</summary>
    public bool EvaluatesAt(long step) =>
        step == 0 || step == TotalSteps || (EvaluateEvery > 0 && step % EvaluateEvery == 0);

    /// <summary>Whether a checkpoint is written after so many steps.</summary>
    public bool SavesAt(long step) =>
        step == TotalSteps || (step > 0 && (step % CheckpointEvery == 0 || step % (CheckpointEverySteps ?? long.MaxValue) == 0));

    /// <summary>How many evaluations are due from a step on, that after the step itself included.</summary>
    public long EvaluationsFrom(long step) =>
        1 + (EvaluateEvery == 0 ? 0 : ((TotalSteps - 1) / EvaluateEvery) - ((step - 1) / EvaluateEvery));
}

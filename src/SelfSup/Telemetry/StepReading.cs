namespace SelfSup.Telemetry;

/// <summary>What is recorded of a step.</summary>
/// <param name="Loss">The mean loss over the global batch.</param>
/// <param name="LearningRate">What it was made with.</param>
/// <param name="GradientNorm">The Euclidean norm of all gradients, before clipping.</param>
/// <param name="Epoch">Epochs done with it.</param>
/// <param name="Progress">Share of the run's steps that are done with it, 0 to 1.</param>
/// <param name="Seconds">How long it took, wait included.</param>
/// <param name="WaitSeconds">How long it waited for its batch.</param>
/// <param name="Images">N, this rank's images in it.</param>
internal readonly record struct StepReading(
    double Loss, double LearningRate, double GradientNorm, double Epoch, double Progress, double Seconds, double WaitSeconds, int Images);

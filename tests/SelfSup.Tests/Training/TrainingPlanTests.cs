using SelfSup.Training;

namespace SelfSup.Tests.Training;

public sealed class TrainingPlanTests
{
    private static readonly TrainingPlan _plan = new(
        BatchSize: 32, StepsPerEpoch: 8, TotalSteps: 20, CheckpointEvery: 8, CheckpointEverySteps: 5, EvaluateEvery: 8);

    [Fact]
    public void EvaluationsAreAtEpochsBeginAndEnd() =>
        Assert.Equal([0, 8, 16, 20], Enumerable.Range(0, 21).Where(s => _plan.EvaluatesAt(s)));

    [Fact]
    public void CheckpointsAreAtEpochsEveryFiveStepsAndTheEnd() =>
        Assert.Equal([5, 8, 10, 15, 16, 20], Enumerable.Range(0, 21).Where(s => _plan.SavesAt(s)));

    [Fact]
    public void TheEvaluationsThatAreLeftAreThoseThatWillHappen() => Assert.All(
        Enumerable.Range(1, 20),
        step => Assert.Equal(Enumerable.Range(step, 21 - step).Count(s => _plan.EvaluatesAt(s)), _plan.EvaluationsFrom(step)));

    [Fact]
    public void RemainingTimeIsStepsAndEvaluations()
    {
        var throughput = new Throughput(_plan);
        throughput.Evaluation(10);
        throughput.Step(100, 50); // the first step compiles code; it counts only until there is a second
        Assert.Null(throughput.After(new StepReport(1, 0, 0, 0)).Remaining);
        throughput.Step(2, 0.5);
        throughput.Step(4, 1);
        var progress = throughput.After(new StepReport(12, 0, 0, 0));
        Assert.Equal(TimeSpan.FromSeconds((8 * 3) + (2 * 10)), progress.Remaining);
        Assert.Equal(32 / 3.0, progress.ImagesPerSecond, 1e-9);
        Assert.Equal(0.25, progress.WaitShare, 1e-9);
    }
}

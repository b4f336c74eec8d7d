using SelfSup.Runs;
using SelfSup.Training;

namespace SelfSup.Reports;

/// <summary>How fast a run is and how long it still takes, as the run itself says it.</summary>
/// <param name="ImagesPerSecond">Over the last steps, evaluations and checkpoints not counted.</param>
/// <param name="WaitShare">Share of that time spent waiting for data, 0 to 1.</param>
/// <param name="Remaining">Estimated time to the end, evaluations counted; null until there is a basis.</param>
internal sealed record RunPace(double ImagesPerSecond, double WaitShare, TimeSpan? Remaining)
{
    /// <summary>The pace of a run; null where its present process has not made a step yet.</summary>
    /// <param name="tail">The end of its metrics.</param>
    /// <param name="plan">How long it is.</param>
    /// <param name="history">What happened to it: the pace before it was resumed is another one.</param>
    public static RunPace? Of(MetricsTail tail, TrainingPlan plan, IReadOnlyList<RunEvent> history)
    {
        var since = history.LastOrDefault(e => e.Event is RunEventKind.Started or RunEventKind.Resumed)?.Step ?? 0;
        var throughput = new Throughput(plan);
        var any = false;
        foreach (var step in tail.Steps.Where(step => step.Step > since))
        {
            throughput.Step(step.Seconds, step.WaitSeconds);
            any = true;
        }

        if (!any)
        {
            return null;
        }

        throughput.Evaluation(tail.EvaluationSeconds ?? 0);
        var now = throughput.After(new StepReport(tail.Step, tail.Loss ?? double.NaN, 0, 0));
        return new RunPace(now.ImagesPerSecond, now.WaitShare, now.Remaining);
    }
}

namespace SelfSup.Training;

/// <summary>Images per second, share of waiting and remaining time, over a sliding window of steps.</summary>
internal sealed class Throughput(TrainingPlan plan)
{
    private const int Window = 50;
    private const double Longest = 1000 * 365.25 * 86400; // seconds: what was read from a file may be anything

    private readonly Queue<(double Seconds, double Wait)> _steps = new();
    private double _seconds;
    private double _wait;
    private double _evaluation;
    private bool _first = true;

    /// <summary>Takes in a step.</summary>
    public void Step(double seconds, double waitSeconds)
    {
        // The first step also compiles code and starts threads: it would be wrong for minutes on a slow machine.
        if (_first)
        {
            _first = false;
            (_seconds, _wait) = (seconds, waitSeconds);
            return;
        }

        if (_steps.Count == 0)
        {
            (_seconds, _wait) = (0, 0);
        }

        _steps.Enqueue((seconds, waitSeconds));
        (_seconds, _wait) = (_seconds + seconds, _wait + waitSeconds);
        if (_steps.Count > Window)
        {
            var (old, oldWait) = _steps.Dequeue();
            (_seconds, _wait) = (_seconds - old, _wait - oldWait);
        }
    }

    /// <summary>Takes in an evaluation, for the remaining time.</summary>
    public void Evaluation(double seconds) => _evaluation = seconds;

    /// <summary>The state after so many steps.</summary>
    public StepProgress After(StepReport report)
    {
        var perStep = _seconds / Math.Max(1, _steps.Count);
        var remaining = ((plan.TotalSteps - report.Step) * perStep) + (plan.EvaluationsFrom(report.Step) * _evaluation);
        return new StepProgress(
            report,
            plan.Epoch(report.Step),
            plan.BatchSize / perStep,
            Math.Clamp(_wait / _seconds, 0, 1),
            _steps.Count == 0 || !double.IsFinite(remaining) ? null : TimeSpan.FromSeconds(Math.Clamp(remaining, 0, Longest)));
    }
}

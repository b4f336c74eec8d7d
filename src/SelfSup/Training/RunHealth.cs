using SelfSup.Errors;

namespace SelfSup.Training;

/// <summary>Watches a run for what makes all further steps worthless, and ends it before nights are lost.</summary>
/// <param name="options">What to do then.</param>
/// <param name="progress">Where it is said.</param>
/// <param name="stepsPerEpoch">Steps of an epoch.</param>
internal sealed class RunHealth(TrainingRunOptions options, IRunProgress progress, long stepsPerEpoch)
{
    // One look may see a bad batch.
    private const int LooksInARow = 5;

    // Networks begin with embeddings that lie close together, and with a small learning rate.
    private const long LongestBeginning = 1000;

    private int _collapsed;
    private bool _warned;
    private bool _healthy; // by the last look; a run that goes on has none yet
    private long _lastSaved;
    private long? _lastGood; // the newest checkpoint behind which the next look was a healthy one

    /// <summary>A checkpoint was written, or the run begins at one.</summary>
    public void Saved(long step)
    {
        _lastSaved = step;
        if (_healthy)
        {
            _lastGood = step;
        }
    }

    /// <summary>Looks at a step.</summary>
    /// <param name="report">The step.</param>
    /// <param name="before">The run before it.</param>
    /// <exception cref="TrainingException">The run must end.</exception>
    public void Look(StepReport report, RunState before)
    {
        if (!report.IsFinite)
        {
            NonFinite(report, before);
        }
        else if (report.Space is { } space)
        {
            var begins = report.Step <= Math.Min(stepsPerEpoch, LongestBeginning);
            _healthy = space.Signal is null;
            if (_healthy)
            {
                (_collapsed, _warned, _lastGood) = (0, false, _lastSaved);
            }
            else if (!begins)
            {
                Collapse(report.Step, space.Signal!);
            }
        }
    }

    private void NonFinite(StepReport report, RunState before)
    {
        var what = double.IsFinite(report.Loss) ? $"the gradient is {report.GradientNorm}" : $"the loss is {report.Loss}";
        if (options.OnNonFinite == OnTrouble.GoOn)
        {
            progress.Warn($"{what} at step {report.Step}; the step is left out (training.onNonFinite: goOn)");
            return;
        }

        throw new TrainingException(
            $"{what} at step {report.Step} (last finite loss {before.Loss:g4} at step {before.Step}); lower the learning rate, or raise the "
            + $"temperature where the method has one{(_lastSaved > 0 ? $"; the checkpoint of step {_lastSaved} is intact" : "")}");
    }

    private void Collapse(long step, string signal)
    {
        if (++_collapsed < LooksInARow || _warned)
        {
            return;
        }

        var message = $"embeddings have collapsed at step {step}: {signal}, {LooksInARow} times in a row";
        if (options.OnCollapse == OnTrouble.GoOn)
        {
            _warned = true;
            progress.Warn($"{message}; the run goes on (training.onCollapse: goOn)");
            return;
        }

        var good = _lastGood > 0 ? $"the checkpoint of step {_lastGood} is from before" : "there is no checkpoint from before";
        throw new TrainingException(
            $"{message}; {good}; lower the learning rate, look at predictor, momentum or variance settings of the method, or set "
            + "training.onCollapse: goOn");
    }
}

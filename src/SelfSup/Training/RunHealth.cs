using SelfSup.Checkpoints;
using SelfSup.Errors;

namespace SelfSup.Training;

/// <summary>Watches a run for what makes all further steps worthless, and ends it before nights are lost.</summary>
/// <param name="options">What to do then.</param>
/// <param name="progress">Where it is said.</param>
/// <param name="happened">Told of what belongs into the run's history.</param>
/// <param name="stepsPerEpoch">Steps of an epoch.</param>
/// <param name="looked">Told at each look at the embedding space, the one that ends the run included, whether several in a row past the
/// run's beginning show a collapse; null where nobody is.</param>
internal sealed class RunHealth(
    TrainingRunOptions options, IRunProgress progress, Action<RunEvent> happened, long stepsPerEpoch, Action<bool>? looked = null)
{
    /// <summary>Looks at the embedding space that show a collapse before it is one: a single one may see a bad batch.</summary>
    public const int LooksInARow = 5;

    // Who watches from outside is told before the run ends.
    private const int LooksToTell = 2;

    // Networks begin with embeddings that lie close together, and with a small learning rate.
    private const long LongestBeginning = 1000;

    // A loss that stays high is said once.
    private const long StepsBetweenSpikes = 100;

    /// <summary>All it knows, for a checkpoint.</summary>
    public HealthState State { get; private set; } = new();

    /// <summary>Steps at a run's beginning in which its embeddings may lie close together.</summary>
    public static long BeginningOf(long stepsPerEpoch) => Math.Min(stepsPerEpoch, LongestBeginning);

    /// <summary>Goes on from a checkpoint; <see cref="Saved"/> is still to be told of it.</summary>
    /// <param name="state">What it knew, or null where the checkpoint is of a version that did not save it.</param>
    public void Restore(HealthState? state) => State = state ?? new();

    /// <summary>A checkpoint was written, or the run begins at one.</summary>
    public void Saved(long step) => State = State with { LastSaved = step, LastGood = State.IsHealthy ? step : State.LastGood };

    /// <summary>Looks at a step.</summary>
    /// <param name="report">The step.</param>
    /// <param name="before">The run before it.</param>
    /// <param name="search">Finds where a number that is none comes from; asked once, when the run is about to end by it.</param>
    /// <exception cref="TrainingException">The run must end.</exception>
    public void Look(StepReport report, RunState before, Func<string>? search = null)
    {
        if (!report.IsFinite)
        {
            NonFinite(report, before, search);
            return;
        }

        State = State with { SkippedInARow = 0 };
        Level(report);
        if (report.Space is { } space)
        {
            Space(report.Step, space.Signal);
        }
    }

    private void NonFinite(StepReport report, RunState before, Func<string>? search)
    {
        var what = $"{(double.IsFinite(report.Loss) ? $"the gradient is {report.GradientNorm}" : $"the loss is {report.Loss}")} at step {report.Step}";
        var inARow = State.SkippedInARow + 1;
        if (inARow <= options.SkipNonFinite)
        {
            State = State with { SkippedInARow = inARow, SkippedSteps = State.SkippedSteps + 1 };
            Say(RunEventKind.StepSkipped, report.Step, $"{what}; the step is left out ({inARow} in a row, training.skipNonFinite: {options.SkipNonFinite})");
            return;
        }

        var last = before.Loss is { } loss ? $" (last finite loss {loss:g4} at step {before.Step - State.SkippedInARow})" : "";
        throw new TrainingException(
            $"{what}{(inARow > 1 ? $", {inARow} steps in a row" : "")}{last}{(search is null ? "" : $"; {search()}")}; lower the learning rate, "
            + "raise the temperature where the method has one, or let more steps be left out (training.skipNonFinite)"
            + (State.LastSaved > 0 ? $"; the checkpoint of step {State.LastSaved} is intact" : ""));
    }

    /// <summary>Whether the loss has jumped from where it was.</summary>
    private void Level(StepReport report)
    {
        var level = State.Loss;
        if (LossWatch.IsJump(level, report.Loss) && !(report.Step - State.LastSpike < StepsBetweenSpikes))
        {
            State = State with { LastSpike = report.Step };
            Say(
                RunEventKind.LossSpiked,
                report.Step,
                $"the loss jumped to {report.Loss:g4} at step {report.Step} (about {level.Mean:g4} ± {level.Deviation:g2} before)");
        }

        State = State with { Loss = LossWatch.After(level, report.Loss) };
    }

    private void Space(long step, string? signal)
    {
        State = State with { IsHealthy = signal is null };
        if (signal is null)
        {
            State = State with { CollapsedLooks = 0, SaidCollapsed = false, LastGood = State.LastSaved };
        }
        else if (step > BeginningOf(stepsPerEpoch))
        {
            State = State with { CollapsedLooks = State.CollapsedLooks + 1 };
        }

        looked?.Invoke(State.CollapsedLooks >= LooksToTell);
        if (signal is not null && State.CollapsedLooks >= LooksInARow && !State.SaidCollapsed)
        {
            Collapse(step, signal);
        }
    }

    private void Collapse(long step, string signal)
    {
        var message = $"embeddings have collapsed at step {step}: {signal}, {LooksInARow} times in a row";
        if (options.OnCollapse == OnTrouble.GoOn)
        {
            State = State with { SaidCollapsed = true };
            progress.Warn($"{message}; the run goes on (training.onCollapse: goOn)");
            return;
        }

        var good = State.LastGood > 0 ? $"the checkpoint of step {State.LastGood} is from before" : "there is no checkpoint from before";
        throw new TrainingException(
            $"{message}; {good}; lower the learning rate, look at predictor, momentum or variance settings of the method, or set "
            + "training.onCollapse: goOn");
    }

    private void Say(RunEventKind kind, long step, string message)
    {
        progress.Warn(message);
        happened(new RunEvent(kind) { Step = step, Message = message });
    }
}

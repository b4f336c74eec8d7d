using System.Diagnostics;

using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Telemetry;
using SelfSup.Tensors;

namespace SelfSup.Training;

/// <summary>
/// A run from its first or any later step to its end: steps, and between steps evaluations and checkpoints. Stopping it
/// finishes the step and writes a checkpoint; starting it again goes on bit for bit.
/// </summary>
/// <param name="plan">When it does what.</param>
/// <param name="identity">What its checkpoints belong to.</param>
/// <param name="trainer">Makes the steps.</param>
/// <param name="loader">Makes the batches.</param>
/// <param name="evaluate">Judges the backbone; null where there is nothing to judge by.</param>
/// <param name="directory">Where its files are.</param>
/// <param name="history">Where what happens to it is written down.</param>
/// <param name="options">How checkpoints are kept.</param>
/// <param name="progress">Where it tells how it goes.</param>
/// <param name="metrics">Its instruments.</param>
/// <param name="time">The clock.</param>
/// <param name="controls">What the program asks of it, and hears from it.</param>
/// <param name="clock">Told of each part of the run, or null.</param>
internal sealed class TrainingRun(
    TrainingPlan plan,
    RunIdentity identity,
    Trainer trainer,
    ViewLoader loader,
    Func<CancellationToken, IReadOnlyDictionary<string, double>>? evaluate,
    RunDirectory directory,
    RunHistory history,
    TrainingRunOptions options,
    IRunProgress progress,
    TrainingMetrics metrics,
    TimeProvider time,
    RunControls controls,
    StepClock? clock = null) : IDisposable
{
    private readonly Throughput _throughput = new(plan);
    private readonly RunHealth _health = new(options, progress, plan.StepsPerEpoch);
    private MetricsLog? _log;
    private long _savedStep = -1;
    private long _lastMark;

    /// <summary>What the run knows of itself.</summary>
    public RunState State { get; } = new();

    /// <summary>Goes on from the newest whole checkpoint, if there is one.</summary>
    /// <exception cref="CheckpointException">The checkpoints are damaged or belong to another recipe.</exception>
    public void Restore()
    {
        if (directory.Checkpoints.LoadLatest(damaged => progress.Warn($"{damaged.Message}; the one before is used"))
            is not { } checkpoint)
        {
            return;
        }

        using var state = checkpoint.State;
        var differences = checkpoint.Manifest.DifferencesTo(identity.Recipe);
        if (differences.Count > 0)
        {
            throw new CheckpointException(
                $"{directory.Path}: the run was started with another recipe: {string.Join("; ", differences)}; " +
                "give it the settings it had, or start a new run with --run");
        }

        if (checkpoint.Manifest.Threads != identity.Threads)
        {
            progress.Warn(
                $"the run had {checkpoint.Manifest.Threads} threads and now has {identity.Threads}: same data order and " +
                "augmentation, numbers equal up to rounding (exact with --set run.threads=" +
                $"{checkpoint.Manifest.Threads})");
        }

        state.Part("run", trainer);
        if (state.Unclaimed.FirstOrDefault() is { } unknown)
        {
            throw new CheckpointException(
                $"{directory.Path}: the checkpoint holds '{unknown}', which this version does not know; resume with SelfSup " +
                $"{checkpoint.Manifest.Versions.GetValueOrDefault("selfsup")}, which wrote it");
        }

        State.Restore(checkpoint.Manifest);
        _savedStep = State.Step;
        _health.Saved(State.Step);
    }

    /// <summary>Trains until the end or until it is told to stop.</summary>
    /// <returns>Whether the end was reached.</returns>
    /// <exception cref="SelfSupException">Data, disk or numbers went wrong; the last checkpoint is intact.</exception>
    public bool Run(CancellationToken stopping)
    {
        using var span = TrainingMetrics.Activities.StartActivity("run");
        _log = new MetricsLog(directory.MetricsFile, State.Step, progress.Warn);
        history.Add(new RunEvent(State.Step == 0 ? RunEventKind.Started : RunEventKind.Resumed)
        {
            Step = State.Step,
            Process = Environment.ProcessId,
            Host = RunIdentity.Host,
            Versions = RunIdentity.Versions,
        });
        Mark();
        clock?.Start();
        try
        {
            if (Pause(stopping))
            {
                return State.Step == plan.TotalSteps;
            }

            using var pause = new CollectionPause();
            using var batches = loader.From(State.Step, plan.TotalSteps, CancellationToken.None).GetEnumerator();
            while (true)
            {
                var started = time.GetTimestamp();
                controls.Heartbeat.Beat("waiting for data");
                if (!batches.MoveNext())
                {
                    throw new UnreachableException("the loader ended before the run");
                }

                clock?.Lap(StepPart.DataWait);
                using var batch = batches.Current;
                pause.SafePoint();
                Step(batch, started, time.GetElapsedTime(started).TotalSeconds);
                clock?.Lap(StepPart.Report);
                if (Pause(stopping))
                {
                    return State.Step == plan.TotalSteps;
                }
            }
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _log?.Dispose();

    private void Step(ViewBatch batch, long started, double waited)
    {
        var report = trainer.Step(batch);
        _health.Look(report, State);

        var seconds = time.GetElapsedTime(started).TotalSeconds;
        State.Step = report.Step;
        State.Loss = report.IsFinite ? report.Loss : State.Loss;
        State.TrainingSeconds += seconds;
        _throughput.Step(seconds, waited);
        var stepped = _throughput.After(report);
        metrics.Step(report.Loss, report.LearningRate, report.GradientNorm, seconds, waited, plan.BatchSize);
        if (report is { Space: { } space, Facts: { } facts })
        {
            metrics.Embeddings(space.Measures, facts);
            _log!.Embeddings(stepped, space, facts);
        }

        if (report.Step % options.LogEverySteps == 0)
        {
            _log!.Step(stepped, seconds, waited, plan.BatchSize);
        }

        progress.Stepped(stepped);
    }

    /// <summary>What is due between two steps.</summary>
    /// <returns>Whether the run ends here.</returns>
    private bool Pause(CancellationToken stopping)
    {
        controls.Heartbeat.StepDone(State.Step);
        var evaluated = Evaluate(stopping);
        clock?.Lap(StepPart.Evaluation);
        var asked = controls.Checkpoint.Taken(out var signal);
        if (asked)
        {
            history.Add(new RunEvent(RunEventKind.CheckpointAsked) { Step = State.Step, Signal = signal });
        }

        if (asked || plan.SavesAt(State.Step) || stopping.IsCancellationRequested || (evaluated && State.Step == _savedStep))
        {
            controls.Heartbeat.Beat("writing a checkpoint");
            Save(again: evaluated);
            clock?.Lap(StepPart.Checkpoint);
        }

        if (asked)
        {
            progress.CheckpointAnswered(State.Step);
        }

        return State.Step == plan.TotalSteps || stopping.IsCancellationRequested;
    }

    private bool Evaluate(CancellationToken stopping)
    {
        if (evaluate is null || !plan.EvaluatesAt(State.Step) || State.IsEvaluatedAt(State.Step) || stopping.IsCancellationRequested)
        {
            return false;
        }

        using var span = TrainingMetrics.Activities.StartActivity("evaluate");
        var started = time.GetTimestamp();
        progress.Evaluating(State.Step);
        controls.Heartbeat.Beat("judging the encoder");
        try
        {
            var values = evaluate(stopping);
            var duration = time.GetElapsedTime(started);
            _throughput.Evaluation(duration.TotalSeconds);
            State.Add(new EvaluationRecord(State.Step, values));
            _log!.Evaluation(State.Step, plan.Epoch(State.Step), values);
            foreach (var (name, value) in values)
            {
                metrics.Evaluation(name, value);
            }

            progress.Evaluated(State.Step, plan.Epoch(State.Step), values, duration);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false; // told to stop: the evaluation is made again on resume
        }
    }

    private void Save(bool again)
    {
        if (_savedStep == State.Step && !again)
        {
            return;
        }

        using var span = TrainingMetrics.Activities.StartActivity("checkpoint");
        var started = time.GetTimestamp();
        State.Seconds += Mark();
        using var state = StateArchive.Saving();
        state.Part("run", trainer);
        var manifest = new CheckpointManifest
        {
            Step = State.Step,
            Epoch = plan.Epoch(State.Step),
            Written = time.GetUtcNow(),
            RecipeHash = identity.RecipeHash,
            Recipe = identity.Recipe,
            TrainingSeconds = State.TrainingSeconds,
            Seconds = State.Seconds,
            Loss = State.Loss,
            Evaluations = State.Evaluations,
            Threads = identity.Threads,
            Versions = RunIdentity.Versions,
            Host = RunIdentity.Host,
        };
        var path = directory.Checkpoints.Save(manifest, state, options.Keep, options.BestBy);
        _savedStep = State.Step;
        _health.Saved(State.Step);
        metrics.Checkpoint(
            time.GetElapsedTime(started).TotalSeconds, state.Entries.Values.Sum(t => t.numel() * t.ElementSize));
        progress.Saved(State.Step, path);
    }

    /// <summary>Seconds since the last mark.</summary>
    private double Mark()
    {
        var now = time.GetTimestamp();
        var seconds = _lastMark == 0 ? 0 : time.GetElapsedTime(_lastMark, now).TotalSeconds;
        _lastMark = now;
        return seconds;
    }
}

/// <param name="Keep">How many of the newest checkpoints are kept.</param>
/// <param name="BestBy">A measurement whose best checkpoint is kept as well, or null.</param>
/// <param name="LogEverySteps">A line in metrics.jsonl every so many steps.</param>
/// <param name="OnCollapse">What to do when embeddings no longer tell images apart.</param>
/// <param name="OnNonFinite">What to do when loss or gradient are no numbers.</param>
internal sealed record TrainingRunOptions(
    int Keep, string? BestBy, int LogEverySteps, OnTrouble OnCollapse = OnTrouble.Stop, OnTrouble OnNonFinite = OnTrouble.Stop);

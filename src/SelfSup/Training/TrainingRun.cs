using System.Diagnostics;

using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Telemetry;
using SelfSup.Tensors;

using static TorchSharp.torch;

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
/// <param name="listUnreadable">Brings the list of skipped images onto the disk.</param>
/// <param name="progress">Where it tells how it goes.</param>
/// <param name="metrics">Its instruments.</param>
/// <param name="time">The clock.</param>
/// <param name="controls">What the program asks of it, and hears from it.</param>
/// <param name="communicator">The ranks of the run: the first writes its files.</param>
/// <param name="clock">Told of each part of the run.</param>
/// <param name="board">What TensorBoard is shown; null where it is not asked for.</param>
internal sealed class TrainingRun(
    TrainingPlan plan,
    RunIdentity identity,
    Trainer trainer,
    ViewLoader loader,
    Func<CancellationToken, IReadOnlyDictionary<string, double>>? evaluate,
    RunDirectory directory,
    RunHistory history,
    TrainingRunOptions options,
    Action listUnreadable,
    IRunProgress progress,
    TrainingMetrics metrics,
    TimeProvider time,
    RunControls controls,
    Communicator communicator,
    StepClock clock,
    BoardContent? board = null) : IDisposable
{
    private readonly Throughput _throughput = new(plan);
    private readonly RunHealth _health = new(options, progress, happened => Record(happened, history, metrics), plan.StepsPerEpoch, metrics.Collapsed);
    private readonly Resumption _resumption = new(directory, identity, plan, controls.AllowedChanges, history, progress);
    private readonly RunCheckpoints _checkpoints =
        new(plan, identity, trainer, directory, options, history, progress, metrics, time);
    private RunRecords? _log;
    private RunBoard? _board;
    private long _lastMark;

    /// <summary>What the run knows of itself.</summary>
    public RunState State { get; } = new();

    /// <summary>Whether it goes on bit for bit; true also for a run that begins.</summary>
    public bool IsExact => _resumption.IsExact;

    /// <summary>How often it was started again, and after what; null on all ranks but the first.</summary>
    public RunRestart? Restart { get; } = communicator.Rank == 0 ? RunRestart.Of(RunHistory.Read(directory.HistoryFile)) : null;

    /// <summary>What its health is judged by.</summary>
    public HealthState Health => _health.State;

    /// <summary>Goes on from the newest whole checkpoint, if there is one.</summary>
    /// <exception cref="CheckpointException">The checkpoints are damaged or belong to another recipe.</exception>
    public void Restore()
    {
        if (_resumption.Restore(trainer, State))
        {
            _checkpoints.Restored(State.Step);
            _health.Restore(State.Health);
            _health.Saved(State.Step);
        }

        trainer.Replicas.Equalise();
    }

    /// <summary>Trains until the end or until it is told to stop.</summary>
    /// <returns>Whether the end was reached.</returns>
    /// <exception cref="SelfSupException">Data, disk or numbers went wrong; the last checkpoint is intact.</exception>
    public bool Run(CancellationToken stopping)
    {
        using var trace = Trace();
        if (communicator.Rank == 0)
        {
            _board = board is null || State.Step == plan.TotalSteps ? null : new RunBoard(directory.TensorBoardFolder, board, plan, State, time, progress.Warn);
            _log = new RunRecords(directory, State, time, progress.Warn, _board);
        }

        history.Add(new RunEvent(State.Step == 0 ? RunEventKind.Started : RunEventKind.Resumed)
        {
            Step = State.Step,
            Process = Environment.ProcessId,
            Host = RunIdentity.Host,
            Versions = RunIdentity.Versions,
            Exact = State.Step == 0 ? null : IsExact,
            Ranks = communicator.Ranks > 1 ? communicator.Ranks : null,
        });
        Mark();
        clock.Start();
        try
        {
            _checkpoints.Reserve();
            if (_resumption.IsChanged)
            {
                Save(again: true); // from here on the run's settings are these
            }

            if (Pause(stopping))
            {
                return trace.Ended(State.Step == plan.TotalSteps);
            }

            using var pause = new CollectionPause();
            // Of several ranks none may leave while others go on: they agree on it between two steps.
            var patience = communicator.Ranks == 1 ? stopping : CancellationToken.None;
            using var batches = loader.From(State.Step, plan.TotalSteps, patience).GetEnumerator();
            while (true)
            {
                var started = time.GetTimestamp();
                trace.Epoch(State.Step / plan.StepsPerEpoch);
                controls.Heartbeat.Beat("waiting for data");
                if (!Next(batches, stopping))
                {
                    return trace.Ended(Pause(stopping) && State.Step == plan.TotalSteps);
                }

                clock.Lap(StepPart.DataWait);
                using var batch = batches.Current;
                pause.SafePoint();
                Step(batch, started, time.GetElapsedTime(started).TotalSeconds);
                clock.Lap(StepPart.Report);
                metrics.Parts(clock.Current);
                if (Pause(stopping))
                {
                    return trace.Ended(State.Step == plan.TotalSteps);
                }
            }
        }
        catch (Exception e)
        {
            trace.Failed(e);
            if (e is DataException && communicator.Ranks == 1)
            {
                Rescue();
            }

            throw;
        }
        finally
        {
            _log?.Finish(State.Step == plan.TotalSteps, () => controls.Heartbeat.Beat("writing metrics down"));
        }
    }

    /// <summary>What an evaluation has made of the test images, before it is told what it gave.</summary>
    public void Judged(FeatureSet features) => _board?.Judged(features);

    /// <inheritdoc/>
    public void Dispose()
    {
        _checkpoints.Dispose();
        _log?.Dispose();
    }

    /// <summary>Waits for the next batch.</summary>
    /// <returns>Whether there is one; false where the run was told to stop.</returns>
    private static bool Next(IEnumerator<ViewBatch> batches, CancellationToken stopping)
    {
        try
        {
            return batches.MoveNext() ? true : throw new UnreachableException("the loader ended before the run");
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return false; // data may be long in coming, and nothing is lost by not waiting
        }
    }

    private void Step(ViewBatch batch, long started, double waited)
    {
        var report = trainer.Step(batch, _checkpoints.Settle);
        _health.Look(report, State, () => trainer.Explain(batch, report));

        var seconds = time.GetElapsedTime(started).TotalSeconds;
        State.Step = report.Step;
        State.Loss = report.IsFinite ? report.Loss : State.Loss;
        State.TrainingSeconds += seconds;
        _throughput.Step(seconds, waited);
        var stepped = _throughput.After(report);
        metrics.Step(new StepReading(
            report.Loss, report.LearningRate, report.GradientNorm, stepped.Epoch, (double)State.Step / plan.TotalSteps,
            seconds, waited, plan.BatchSize / communicator.Ranks));
        if (report is { Space: { } space, Facts: { } facts })
        {
            metrics.Embeddings(space.Measures, facts);
            _log?.Embeddings(stepped, space, facts);
        }

        if (report.Step % options.LogEverySteps == 0)
        {
            _log?.Step(stepped, seconds, waited, plan.BatchSize);
        }

        progress.Stepped(stepped);
    }

    /// <summary>What is due between two steps.</summary>
    /// <returns>Whether the run ends here.</returns>
    private bool Pause(CancellationToken stopping)
    {
        controls.Heartbeat.StepDone(State.Step);
        _log?.Reached(State.Step);
        _checkpoints.Look();
        var (stops, asked, signal) = Agreed(stopping);
        var evaluated = false;
        if (!stops && IsEvaluationDue)
        {
            evaluated = Evaluate(stopping);
            (stops, var askedMeanwhile, var signalMeanwhile) = Agreed(stopping); // it may have taken long
            (asked, signal) = (asked || askedMeanwhile, signal ?? signalMeanwhile);
        }

        clock.Lap(StepPart.Evaluation);
        if (asked)
        {
            history.Add(new RunEvent(RunEventKind.CheckpointAsked) { Step = State.Step, Signal = signal });
        }

        if (asked || plan.SavesAt(State.Step) || stops || (evaluated && State.Step == _checkpoints.NewestStep))
        {
            controls.Heartbeat.Beat("writing a checkpoint");
            Save(again: evaluated);
        }

        if (asked)
        {
            _checkpoints.Answer(State.Step);
        }

        var ends = State.Step == plan.TotalSteps || stops;
        if (ends)
        {
            _checkpoints.Finish();
        }

        clock.Lap(StepPart.Checkpoint);
        return ends;
    }

    private bool IsEvaluationDue => evaluate is not null && plan.EvaluatesAt(State.Step) && !State.IsEvaluatedAt(State.Step);

    /// <summary>What one rank is told counts for all: looked at together, so that whoever ends here has saved.</summary>
    private (bool Stops, bool Asked, string? Signal) Agreed(CancellationToken stopping)
    {
        var stops = stopping.IsCancellationRequested;
        var asked = controls.Checkpoint.Taken(out var signal);
        if (communicator.Ranks == 1)
        {
            return (stops, asked, signal);
        }

        using var votes = tensor(new long[] { stops ? 1 : 0, asked ? 1 : 0 });
        communicator.AllReduce(votes, Reduction.Max);
        var agreed = votes.data<long>();
        return (agreed[0] > 0, agreed[1] > 0, signal);
    }

    private bool Evaluate(CancellationToken stopping)
    {
        using var span = RunTrace.Between("evaluation", State.Step);
        var started = time.GetTimestamp();
        progress.Evaluating(State.Step);
        controls.Heartbeat.Beat("judging the encoder");
        try
        {
            var values = evaluate!(stopping);
            var duration = time.GetElapsedTime(started);
            _throughput.Evaluation(duration.TotalSeconds);
            State.Add(new EvaluationRecord(State.Step, values));
            _log?.Evaluation(State.Step, plan.Epoch(State.Step), values, duration.TotalSeconds);
            metrics.Evaluation(values, duration.TotalSeconds);
            progress.Evaluated(State.Step, plan.Epoch(State.Step), values, duration);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false; // told to stop: the evaluation is made again on resume
        }
        catch (Exception e)
        {
            RunTrace.Fail(span, e);
            throw;
        }
    }

    private void Save(bool again)
    {
        if (_checkpoints.NewestStep == State.Step && !again)
        {
            return;
        }

        State.Seconds += Mark();
        State.Health = Health;
        _checkpoints.Begin(State, () =>
        {
            // What belongs to the steps so far is not written again after a resume.
            listUnreadable();
            _log?.FlushToDisk();
        });
        _health.Saved(State.Step);
    }

    /// <summary>Data went wrong: what was trained so far is kept, where the disk lets it.</summary>
    private void Rescue()
    {
        try
        {
            Save(again: false);
            _checkpoints.Finish();
        }
        catch (Exception e) when (e is SelfSupException or IOException or UnauthorizedAccessException)
        {
            progress.Warn(e.Message);
        }
    }

    /// <summary>Begins the run's spans, with the time it was away before where another process had ended.</summary>
    private RunTrace Trace()
    {
        var trace = new RunTrace();
        metrics.Begin();
        if (Restart is { Since: { } since, Cause: var cause })
        {
            trace.Restarted(since, cause?.Signal, cause?.ExitCode);
        }

        return trace;
    }

    /// <summary>What belongs into the history is counted too.</summary>
    private static void Record(RunEvent happened, RunHistory history, TrainingMetrics metrics)
    {
        history.Add(happened);
        if (happened.Event == RunEventKind.StepSkipped)
        {
            metrics.Skipped();
        }
        else if (happened.Event == RunEventKind.LossSpiked)
        {
            metrics.Spiked();
        }
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

/// <param name="Retention">Which checkpoints are kept.</param>
/// <param name="CheckpointPatience">How long a checkpoint that cannot be written is tried again.</param>
/// <param name="LogEverySteps">A line in metrics.jsonl every so many steps.</param>
/// <param name="OnCollapse">What to do when embeddings no longer tell images apart.</param>
/// <param name="SkipNonFinite">How many steps in a row are left out because loss or gradient is no number, before the run ends.</param>
internal sealed record TrainingRunOptions(
    CheckpointRetention Retention,
    TimeSpan CheckpointPatience,
    int LogEverySteps,
    OnTrouble OnCollapse = OnTrouble.Stop,
    int SkipNonFinite = 3);

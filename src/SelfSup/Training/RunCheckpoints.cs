using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Telemetry;

namespace SelfSup.Training;

/// <summary>
/// Writes the checkpoints of a run beside its steps, and tells what became of them between steps, on the thread that trains.
/// </summary>
/// <param name="plan">How long the run is.</param>
/// <param name="identity">What its checkpoints belong to.</param>
/// <param name="trainer">Whose state it is.</param>
/// <param name="directory">Where its files are.</param>
/// <param name="options">Which are kept.</param>
/// <param name="history">Where it is written down that one could not be written.</param>
/// <param name="progress">Where it is said.</param>
/// <param name="metrics">The run's instruments.</param>
/// <param name="time">The clock.</param>
internal sealed class RunCheckpoints(
    TrainingPlan plan,
    RunIdentity identity,
    IStateful trainer,
    RunDirectory directory,
    TrainingRunOptions options,
    RunHistory history,
    IRunProgress progress,
    TrainingMetrics metrics,
    TimeProvider time) : IDisposable
{
    private readonly CheckpointWriter _writer = new(directory.Checkpoints, options.Retention, options.CheckpointPatience, time);

    private readonly Dictionary<string, JsonElement> _images = identity.Images.ToDictionary(
        images => images.Key, images => JsonSerializer.SerializeToElement(images.Value, CheckpointManifest.Json));

    private readonly CheckpointSpans _spans = new();
    private long _onDisk = -1;
    private double? _stall; // of the newest, until it is settled
    private long? _asked;

    /// <summary>The step of the newest snapshot; -1 before the first.</summary>
    public long NewestStep { get; private set; } = -1;

    /// <summary>The run goes on from a checkpoint.</summary>
    public void Restored(long step) => NewestStep = _onDisk = step;

    /// <summary>Says so when a checkpoint of a step, or a later one, is on disk.</summary>
    public void Answer(long step)
    {
        _asked ??= step;
        Look();
    }

    /// <summary>Takes the memory of a snapshot.</summary>
    public void Reserve() => _writer.Reserve(Exchange);

    /// <summary>Takes a snapshot and begins to write it; waits for the one before.</summary>
    /// <param name="state">The run.</param>
    /// <param name="beforehand">What must be on disk first.</param>
    /// <exception cref="TrainingException">The one before could not be written.</exception>
    public void Begin(RunState state, Action beforehand)
    {
        NewestStep = state.Step;
        var started = time.GetTimestamp();
        _writer.Begin(
            new CheckpointManifest
            {
                Step = state.Step,
                TotalSteps = plan.TotalSteps,
                Epoch = plan.Epoch(state.Step),
                StepsPerEpoch = plan.StepsPerEpoch,
                Written = time.GetUtcNow(),
                RecipeHash = identity.RecipeHash,
                Recipe = identity.Recipe,
                TrainingSeconds = state.TrainingSeconds,
                Seconds = state.Seconds,
                Loss = state.Loss,
                Evaluations = [.. state.Evaluations],
                Health = state.Health,
                Data = _images,
                Classes = identity.Classes.Count == 0 ? null : identity.Classes,
                Threads = identity.Threads,
                Machine = identity.Machine,
                Versions = RunIdentity.Versions,
                Host = RunIdentity.Host,
            },
            Exchange,
            beforehand);
        _spans.Begin(state.Step);
        _stall = time.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Waits until the newest snapshot is taken: call it before weights change.</summary>
    public void Settle()
    {
        if (_stall is { } seconds)
        {
            var started = time.GetTimestamp();
            _writer.Settle();
            metrics.CheckpointStall(seconds + time.GetElapsedTime(started).TotalSeconds);
            _stall = null;
        }
    }

    /// <summary>Says that a checkpoint that was asked for is on disk, once it is.</summary>
    private void Answer()
    {
        if (_asked <= _onDisk)
        {
            _asked = null;
            progress.CheckpointAnswered(_onDisk);
        }
    }

    /// <summary>Tells what has become of them since the last step.</summary>
    /// <exception cref="TrainingException">One could not be written.</exception>
    public void Look()
    {
        foreach (var news in _writer.News())
        {
            if (news.Path is { } path)
            {
                metrics.Checkpoint(news.Duration.TotalSeconds, news.Bytes);
                _spans.Written(news);
                progress.Saved(news.Step, path);
                _onDisk = news.Step;
                Answer(); // with this one, not with a later one that is on disk too by now
            }
            else
            {
                metrics.CheckpointFailed();
                _spans.Delayed(news);
                progress.Warn($"{news.Problem}; it is tried again for {options.CheckpointPatience.TotalMinutes:0.##} min while training goes on");
                history.Add(new RunEvent(RunEventKind.CheckpointDelayed) { Step = news.Step, Message = news.Problem });
            }
        }

        try
        {
            _writer.ThrowIfFailed();
        }
        catch (TrainingException e)
        {
            _spans.Failed(e);
            throw;
        }

        Answer();
    }

    /// <summary>Waits until all are on disk.</summary>
    /// <exception cref="TrainingException">One could not be written.</exception>
    public void Finish()
    {
        try
        {
            _writer.Finish();
        }
        finally
        {
            Look();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        _spans.Dispose();
    }

    private void Exchange(StateArchive archive) => archive.Part("run", trainer);
}

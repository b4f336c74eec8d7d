using Microsoft.Extensions.Logging;

using SelfSup.Training;

namespace SelfSup.Hosting;

/// <summary>Writes how a run goes to the host's log: steps as debug, and one of them as information every ten seconds.</summary>
internal sealed partial class LoggingProgress(ILogger<LoggingProgress> logger, TimeProvider time) : IRunProgress
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(10);

    private long? _last;
    private long _totalSteps;

    /// <inheritdoc/>
    public void Started(RunStart start)
    {
        _totalSteps = start.Plan.TotalSteps;
        if (start.FirstStep == _totalSteps)
        {
            IsFinished(start.RunDirectory);
        }
        else
        {
            Begins(start.RunDirectory, start.Images, start.FirstStep, _totalSteps, start.Plan.BatchSize, start.Device);
            if (start.WarmStart is { } warm)
            {
                BeginsWith(string.Join("; ", [warm.Message, .. warm.Notes]));
            }
        }
    }

    /// <inheritdoc/>
    public void Stepped(StepProgress progress)
    {
        var now = time.GetTimestamp();
        var shown = _last is not { } last || time.GetElapsedTime(last, now) >= _interval || progress.Report.Step == _totalSteps;
        _last = shown ? now : _last;
        Step(shown ? LogLevel.Information : LogLevel.Debug, progress.Report.Step, _totalSteps, progress.Report.Loss, progress.ImagesPerSecond);
    }

    /// <inheritdoc/>
    public void Evaluating(long step)
    {
    }

    /// <inheritdoc/>
    public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration)
    {
        foreach (var (name, value) in values)
        {
            Judged(step, name, value);
        }
    }

    /// <inheritdoc/>
    public void Saved(long step, string path) => Checkpoint(step, path);

    /// <inheritdoc/>
    public void CheckpointAnswered(long step) => Answered(step);

    /// <inheritdoc/>
    [LoggerMessage(1, LogLevel.Warning, "{Message}")]
    public partial void Warn(string message);

    [LoggerMessage(
        2, LogLevel.Information, "{RunDirectory}: {Images} images, from step {FirstStep} to {TotalSteps} with {BatchSize} images each, on {Device}")]
    private partial void Begins(string runDirectory, long images, long firstStep, long totalSteps, int batchSize, string device);

    [LoggerMessage(3, LogLevel.Information, "{RunDirectory}: is finished; nothing is left to train")]
    private partial void IsFinished(string runDirectory);

    [LoggerMessage(EventId = 4, Message = "Step {Step} of {TotalSteps}: loss {Loss:0.0000}, {ImagesPerSecond:0.0} images/s")]
    private partial void Step(LogLevel level, long step, long totalSteps, double loss, double imagesPerSecond);

    [LoggerMessage(5, LogLevel.Information, "Step {Step}: {Name} {Value:0.0000}")]
    private partial void Judged(long step, string name, double value);

    [LoggerMessage(7, LogLevel.Information, "{Message}")]
    private partial void BeginsWith(string message);

    [LoggerMessage(6, LogLevel.Information, "Step {Step}: checkpoint {Path}")]
    private partial void Checkpoint(long step, string path);

    [LoggerMessage(8, LogLevel.Information, "Step {Step}: the checkpoint that was asked for is written")]
    private partial void Answered(long step);
}

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

using OpenTelemetry.Metrics;

using SelfSup.Errors;
using SelfSup.Runs;

namespace SelfSup.Hosting;

/// <summary>
/// Trains on a thread of its own while the host runs, and stops the host when the run has ended, unless it does more. When the
/// host is told to stop, the run finishes its step and writes a checkpoint before this service returns.
/// </summary>
internal sealed partial class TrainerService(
    Func<Pretraining> create,
    RunOutcome outcome,
    IHostApplicationLifetime lifetime,
    ILogger<TrainerService> logger,
    SelfSupBuilder? builder = null,
    MeterProvider? meters = null) : BackgroundService
{
    // A collector that does not answer holds nothing up for longer.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Factory.StartNew(
        () => Train(stoppingToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Train(CancellationToken stopping)
    {
        Thread.CurrentThread.Name = "training"; // what stack dumps call it
        try
        {
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            using var pretraining = create();
            outcome.Began = true;
            try
            {
                outcome.Finished = pretraining.Run(stopping);
            }
            finally
            {
                Export();
            }

            outcome.Step = pretraining.Step;
            outcome.Result = pretraining.Result;
            if (outcome.Finished)
            {
                Finished(outcome.Step);
            }
            else
            {
                Stopped(outcome.Step, outcome.Signal?.ToString() ?? "the host");
            }
        }
        catch (Exception e)
        {
            // Whoever started the host decides what the user sees; an error that the user can mend needs no stack trace.
            outcome.Error = e;
            Failed(e is SelfSupException ? null : e, e.Message);
        }
        finally
        {
            if (builder?.StopsHost != false)
            {
                lifetime.StopApplication();
            }
        }
    }

    /// <summary>Memory, images read and what else is asked of a run can be asked no more once it is disposed.</summary>
    private void Export()
    {
        if (meters is not null)
        {
            Task.Run(() => meters.ForceFlush((int)_patience.TotalMilliseconds)).Wait(_patience);
        }
    }

    [LoggerMessage(2, LogLevel.Information, "Finished after step {Step}")]
    private partial void Finished(long step);

    [LoggerMessage(3, LogLevel.Information, "Stopped after step {Step} with a checkpoint, by {StoppedBy}")]
    private partial void Stopped(long step, string stoppedBy);

    [LoggerMessage(1, LogLevel.Error, "{Message}")]
    private partial void Failed(Exception? exception, string message);
}

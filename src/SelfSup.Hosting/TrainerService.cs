using Microsoft.Extensions.Hosting;

using SelfSup.Runs;

namespace SelfSup.Hosting;

/// <summary>
/// Trains on a thread of its own while the host runs, and stops the host when the run has ended. When the host is told to
/// stop, the run finishes its step and writes a checkpoint before this service returns.
/// </summary>
internal sealed class TrainerService(
    Func<Pretraining> create, RunOutcome outcome, IHostApplicationLifetime lifetime) : BackgroundService
{
    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Factory.StartNew(
        () => Train(stoppingToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Train(CancellationToken stopping)
    {
        try
        {
            using var pretraining = create();
            outcome.Finished = pretraining.Run(stopping);
            outcome.Step = pretraining.Step;
            outcome.Result = pretraining.Result;
        }
        catch (Exception e)
        {
            // The host's own handling would log a stack trace; whoever started the host decides what the user sees.
            outcome.Error = e;
        }
        finally
        {
            lifetime.StopApplication();
        }
    }
}

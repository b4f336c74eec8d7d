using Microsoft.Extensions.Hosting;

namespace SelfSup.Hosting;

/// <summary>Stops the host when a signal stops the run. One that comes before the host has started is not lost.</summary>
internal sealed class SignalLifetime(IHostApplicationLifetime lifetime, RunSignals signals) : IHostLifetime, IDisposable
{
    private CancellationTokenRegistration _started;
    private CancellationTokenRegistration _stopping;

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        // A host that is stopped while it starts ends with an exception.
        _started = lifetime.ApplicationStarted.Register(() => _stopping = signals.Stopping.Register(lifetime.StopApplication));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose()
    {
        _started.Dispose();
        _stopping.Dispose();
    }
}

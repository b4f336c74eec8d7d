using System.Runtime.InteropServices;

using Microsoft.Extensions.Hosting;

namespace SelfSup.Hosting;

/// <summary>
/// Stops the host at SIGINT (Ctrl-C) or SIGTERM and remembers which it was. A second signal ends the process at once, as
/// the system does by default; what is on disk is whole at any moment.
/// </summary>
internal sealed class SignalLifetime(IHostApplicationLifetime lifetime, RunOutcome outcome) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose() => _registrations.ForEach(r => r.Dispose());

    private void Stop(PosixSignalContext context)
    {
        if (outcome.Signal is null)
        {
            outcome.Signal = context.Signal;
            context.Cancel = true;
            lifetime.StopApplication();
        }
    }
}

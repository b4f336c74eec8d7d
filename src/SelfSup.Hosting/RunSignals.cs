using System.Runtime.InteropServices;

using SelfSup.Training;

namespace SelfSup.Hosting;

/// <summary>
/// What signals tell a run. SIGINT (Ctrl-C) and SIGTERM stop it with a checkpoint, SIGUSR1 asks for a checkpoint. A second
/// one that stops ends the process at once, as the system does by default; what is on disk is whole at any moment.
/// </summary>
internal sealed class RunSignals : IDisposable
{
    private readonly RunOutcome _outcome;
    private readonly CheckpointRequest _request;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _gate = new();
    private bool _came;

    /// <summary>Takes the signals.</summary>
    /// <param name="outcome">Remembers which one stopped the run.</param>
    /// <param name="request">Asks for checkpoints.</param>
    public RunSignals(RunOutcome outcome, CheckpointRequest request)
    {
        (_outcome, _request) = (outcome, request);
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Came));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Came));
        if (Signals.User1 is { } user1)
        {
            _registrations.Add(PosixSignalRegistration.Create(user1, context =>
            {
                context.Cancel = true; // by default it ends the process
                AskForCheckpoint();
            }));
        }
    }

    /// <summary>Cancelled by the first signal that stops.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Asks for a checkpoint, as SIGUSR1 does.</summary>
    public void AskForCheckpoint() => _request.Ask("SIGUSR1");

    /// <summary>Stops the run, as a first signal does; nothing if it stops already.</summary>
    public void Stop(PosixSignal signal)
    {
        lock (_gate)
        {
            if (_outcome.Signal is not null)
            {
                return;
            }

            _outcome.Signal = signal;
        }

        _stopping.Cancel();
    }

    /// <inheritdoc/>
    public void Dispose() => _registrations.ForEach(registration => registration.Dispose()); // a late Stop must find its source alive

    private void Came(PosixSignalContext context)
    {
        lock (_gate)
        {
            if (_came)
            {
                return; // not cancelled: the process ends
            }

            _came = context.Cancel = true;
        }

        Stop(context.Signal);
    }
}

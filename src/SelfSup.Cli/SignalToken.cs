using System.Runtime.InteropServices;

namespace SelfSup.Cli;

/// <summary>A token that Ctrl-C or SIGTERM cancels; a second signal ends the process at once.</summary>
internal sealed class SignalToken : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private PosixSignal? _signal;

    public SignalToken() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
    ];

    public CancellationToken Token => _source.Token;

    /// <summary>The exit code after the signal that came.</summary>
    public int ExitCode => _signal == PosixSignal.SIGTERM ? ExitCodes.Terminated : ExitCodes.Interrupted;

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(_registrations, registration => registration.Dispose());
        _source.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        if (_signal is null)
        {
            _signal = context.Signal;
            context.Cancel = true;
            _source.Cancel();
        }
    }
}

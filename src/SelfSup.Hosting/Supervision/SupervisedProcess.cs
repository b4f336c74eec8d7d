using System.Diagnostics;
using System.IO.Pipes;

namespace SelfSup.Hosting.Supervision;

/// <summary>A process that trains, seen from the one that watches over it. Its input and output are the watcher's own.</summary>
internal sealed class SupervisedProcess : IRunProcess
{
    private readonly AnonymousPipeServerStream _link;
    private readonly Process _process;

    private SupervisedProcess(AnonymousPipeServerStream link, Process process)
    {
        (_link, _process) = (link, process);
        Ended = End();
    }

    /// <summary>Its exit code, when it has ended; 128 and the signal's number where a signal ended it.</summary>
    public Task<int> Ended { get; }

    /// <summary>Starts it.</summary>
    public static SupervisedProcess Start(ProcessStartInfo start)
    {
        var link = new AnonymousPipeServerStream(PipeDirection.Out, HandleInheritability.Inheritable);
        try
        {
            start.UseShellExecute = false;
            start.Environment[SupervisorLink.Variable] = link.GetClientHandleAsString();
            var process = Process.Start(start)!;
            link.DisposeLocalCopyOfClientHandle();
            return new SupervisedProcess(link, process);
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Tell(byte what)
    {
        try
        {
            _link.WriteByte(what);
        }
        catch (IOException)
        {
            // It has ended.
        }
    }

    /// <inheritdoc/>
    public void Kill() => _process.Kill();

    /// <inheritdoc/>
    public RunEnd Wait() => new(Ended.GetAwaiter().GetResult());

    /// <inheritdoc/>
    public void Dispose()
    {
        _link.Dispose();
        _process.Dispose();
    }

    private async Task<int> End()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }
}

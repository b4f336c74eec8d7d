using System.Diagnostics;
using System.IO.Pipes;

namespace SelfSup.Hosting.Supervision;

/// <summary>A process that trains, seen from the one that watches over it. Its input and output are the watcher's own.</summary>
internal sealed class SupervisedProcess : IDisposable
{
    private readonly AnonymousPipeServerStream _link;
    private readonly Process _process;

    private SupervisedProcess(AnonymousPipeServerStream link, Process process) => (_link, _process) = (link, process);

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

    /// <summary>Tells it something, one of <see cref="SupervisorLink"/>'s bytes; nothing where it has ended.</summary>
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

    /// <summary>Ends it without asking.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code; 128 and the signal's number where a signal ended it.</returns>
    public int Wait()
    {
        _process.WaitForExit();
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _link.Dispose();
        _process.Dispose();
    }
}

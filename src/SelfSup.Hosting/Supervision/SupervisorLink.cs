using System.IO.Pipes;
using System.Runtime.InteropServices;

using SelfSup.Distributed;

namespace SelfSup.Hosting.Supervision;

/// <summary>
/// How a process that watches over a run and the process that trains speak: by a pipe. What the first is told to do comes
/// through it, a byte each, and not as a signal, because a terminal and many batch systems send a signal to both of them, and
/// two would be one too many. It ends with the process that watches, in whatever way that ends: a run does not train on alone.
/// Ranks that <c>mpirun</c> starts get no pipe but the standard input of rank 0; they stop together, so that one is enough.
/// </summary>
internal static class SupervisorLink
{
    /// <summary>The environment variable that names the pipe's end to the process that trains.</summary>
    public const string Variable = "SELFSUP_SUPERVISOR";

    /// <summary>What it says where the pipe is the standard input of rank 0.</summary>
    public const string StandardInput = "stdin";

    /// <summary>A checkpoint is asked for.</summary>
    public const byte Checkpoint = (byte)'C';

    /// <summary>SIGINT stops the run; the second time at once.</summary>
    public const byte Interrupt = (byte)'I';

    /// <summary>SIGTERM stops the run; the second time at once.</summary>
    public const byte Terminate = (byte)'T';

    /// <summary>Listens, where somebody watches over this process.</summary>
    /// <param name="ranks">Which rank this process is.</param>
    /// <param name="signals">Told what comes.</param>
    /// <param name="warn">Told that nobody watches any more.</param>
    public static void Listen(RankEnvironment ranks, RunSignals signals, Action<string> warn)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } handle)
        {
            return;
        }

        Environment.SetEnvironmentVariable(Variable, null); // it is not for what this process starts
        if (handle == StandardInput && ranks.Rank > 0)
        {
            return;
        }

        var pipe = handle == StandardInput ? Console.OpenStandardInput() : new AnonymousPipeClientStream(PipeDirection.In, handle);
        new Thread(() => Listen(pipe, signals, warn)) { IsBackground = true, Name = "supervisor link" }.Start();
    }

    private static void Listen(Stream pipe, RunSignals signals, Action<string> warn)
    {
        var stops = 0;
        while (true)
        {
            switch (pipe.ReadByte())
            {
                case Checkpoint:
                    signals.AskForCheckpoint();
                    break;
                case Interrupt:
                    Stop(PosixSignal.SIGINT);
                    break;
                case Terminate:
                    Stop(PosixSignal.SIGTERM);
                    break;
                default:
                    signals.Stop(PosixSignal.SIGTERM);
                    warn("the process that watched over this one is gone; the run stops");
                    return;
            }
        }

        void Stop(PosixSignal signal)
        {
            if (++stops > 1)
            {
                Signals.EndProcess(Signals.Stop(signal).ExitCode);
            }

            signals.Stop(signal);
        }
    }
}

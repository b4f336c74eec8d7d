using System.Globalization;
using System.Runtime.InteropServices;

using SelfSup.Training;

namespace SelfSup.Hosting;

/// <summary>Names and numbers of signals.</summary>
internal static partial class Signals
{
    /// <summary>What a process that a signal ended seems to have ended with, less the signal's number.</summary>
    public const int ExitCodeBase = 128;

    /// <summary>SIGUSR1, which .NET has no name for; null on Windows.</summary>
    public static PosixSignal? User1 { get; } =
        OperatingSystem.IsWindows() ? null : (PosixSignal)(OperatingSystem.IsMacOS() ? 30 : 10);

    /// <summary>The signal as a reason to stop.</summary>
    public static StopSignal Stop(PosixSignal signal) => new(signal.ToString(), ExitCodeBase + (signal == PosixSignal.SIGTERM ? 15 : 2));

    /// <summary>The name of the signal that ended a process with such an exit code, or null where it ended by itself.</summary>
    public static string? Name(int exitCode) => (exitCode - ExitCodeBase) switch
    {
        <= 0 or > 64 => null,
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        7 when OperatingSystem.IsLinux() => "SIGBUS",
        10 when OperatingSystem.IsMacOS() => "SIGBUS",
        var number => string.Create(CultureInfo.InvariantCulture, $"signal {number}"),
    };

    /// <summary>
    /// Ends the process now: libraries whose threads are stuck are not asked, as they would be by <see cref="Environment.Exit"/>.
    /// </summary>
    public static void EndProcess(int exitCode)
    {
        if (OperatingSystem.IsWindows())
        {
            _ = TerminateProcess(-1, (uint)exitCode); // -1: this one
        }

        Exit(exitCode);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int exitCode);

    [LibraryImport("kernel32")]
    private static partial int TerminateProcess(nint process, uint exitCode);
}

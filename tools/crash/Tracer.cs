using System.ComponentModel;
using System.Diagnostics;

namespace SelfSup.Tools.Crash;

/// <summary>strace, which lets system calls of a program fail or kills it at their entry.</summary>
internal static class Tracer
{
    /// <summary>The program.</summary>
    public const string Program = "strace";

    /// <summary>Whether it is there and may trace.</summary>
    public static bool IsAllowed { get; } = Traces();

    /// <summary>Its arguments, before those of the program that is traced.</summary>
    /// <param name="call">The system call.</param>
    /// <param name="what">What is done to it, <c>error=EIO:when=3+</c>; calls are counted for each thread.</param>
    public static string[] Inject(string call, string what) =>
        ["-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:{what}"];

    private static bool Traces()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(Program, ["-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "true"])
            {
                RedirectStandardError = true,
            })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}

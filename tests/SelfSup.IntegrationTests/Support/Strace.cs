using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Lets system calls of a program fail, as disks and networks do.</summary>
internal static class Strace
{
    /// <summary>Skips the test where it is not there or not allowed.</summary>
    public static void Require()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("strace", ["-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "true"])
            {
                RedirectStandardError = true,
            })!;
            process.WaitForExit();
            Assert.SkipWhen(process.ExitCode != 0, "strace may not trace here");
        }
        catch (Win32Exception)
        {
            Assert.Skip("strace is not installed");
        }
    }

    /// <summary>The arguments that let a call fail from one on.</summary>
    public static string[] Fail(string call, string error, int from) =>
    [
        "-f", "-qq", "-o", "/dev/null", "-e", $"trace={call}", "-e", string.Create(CultureInfo.InvariantCulture, $"inject={call}:error={error}:when={from}+"),
    ];
}

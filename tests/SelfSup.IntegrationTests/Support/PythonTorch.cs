using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SelfSup.IntegrationTests.Support;

/// <summary>The Python of the system that has PyTorch and torchvision, where there is one (Debian: python3-torchvision).</summary>
internal static class PythonTorch
{
    private static readonly Lazy<string?> _python = new(() => Array.Find(["python3", "/usr/bin/python3"], HasTorch));

    /// <summary>Skips the test where there is none.</summary>
    public static void Require() => Assert.SkipWhen(
        _python.Value is null, "no Python here can import torch and torchvision (Debian: apt-get install python3-torch python3-torchvision)");

    /// <summary>Runs <c>Python/exchange.py</c>.</summary>
    public static void Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(_python.Value!, [Path.Combine(Scripts(), "exchange.py"), .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"exchange.py {string.Join(' ', arguments)}: {error}");
        _ = output;
    }

    private static bool HasTorch(string python)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(python, ["-c", "import torch, torchvision"]) { RedirectStandardError = true });
            _ = process!.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // there is no such program
        }
    }

    private static string Scripts([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "Python"));
}

using System.Diagnostics;
using System.Text;

namespace SelfSup.IntegrationTests.Support;

/// <summary>The .NET SDK that builds the tests, for tests that build, pack and publish as users do.</summary>
internal static class Sdk
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(10);

    /// <summary>Release or Debug, as these tests are.</summary>
    public static string Configuration =>
        Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)).Contains("debug", StringComparison.OrdinalIgnoreCase)
            ? "Debug"
            : "Release";

    /// <summary>The folder with the shared runtimes of this process: that of the SDK, in which <c>host</c> and <c>shared</c> lie.</summary>
    public static string DotnetRoot { get; } =
        Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>Runs <c>dotnet VERB ...</c>; nothing of it stays running.</summary>
    public static string Run(string folder, string verb, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            Path.Combine(DotnetRoot, "dotnet"), [verb, .. arguments, "-c", Configuration, "--disable-build-servers", "-v", "quiet", "-nologo"])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in new[] { "MSBUILDDISABLENODEREUSE", "DOTNET_NOLOGO", "DOTNET_CLI_TELEMETRY_OPTOUT" })
        {
            start.Environment[name] = "1";
        }

        // What the test host was told is not for the build.
        foreach (var name in new[] { "MSBUILD_EXE_PATH", "MSBuildSDKsPath", "MSBuildExtensionsPath", "MSBuildLoadMicrosoftTargetsReadOnly" })
        {
            start.Environment.Remove(name);
        }

        using var process = new Process { StartInfo = start };
        var said = new StringBuilder();
        process.OutputDataReceived += (_, line) => Append(said, line.Data);
        process.ErrorDataReceived += (_, line) => Append(said, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(_limit))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"dotnet {verb} did not end in {_limit}:\n{said}");
        }

        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"dotnet {verb} {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{said}");
        return said.ToString();
    }

    private static void Append(StringBuilder said, string? line)
    {
        lock (said)
        {
            said.AppendLine(line);
        }
    }
}

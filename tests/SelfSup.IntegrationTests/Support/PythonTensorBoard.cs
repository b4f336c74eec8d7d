using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Reads files for TensorBoard by Python, protobuf's own classes of the schema and a checksum of its own.</summary>
internal static class PythonTensorBoard
{
    private static readonly Lazy<string?> _python = new(() => Array.Find(["python3", "/usr/bin/python3"], CanRead));

    /// <summary>Skips the test where it cannot.</summary>
    public static void Require() => Assert.SkipWhen(
        _python.Value is null,
        "no Python here can import google.protobuf and PIL, or there is no protoc with its standard types "
        + "(Debian: apt-get install python3-protobuf python3-pil protobuf-compiler libprotobuf-dev)");

    /// <summary>All that is in a folder; fails where anything in it is not as it must be.</summary>
    public static JsonElement Read(string folder)
    {
        var (exit, output, error) = Run(_python.Value!, [Script("tensorboard_files.py"), Repository.TensorBoardProtos, Script("projector_config.proto"), folder]);
        Assert.True(exit == 0, $"tensorboard_files.py: {error}");
        return JsonDocument.Parse(output).RootElement;
    }

    private static bool CanRead(string python)
    {
        try
        {
            return File.Exists("/usr/include/google/protobuf/struct.proto") && Run(python, ["-c", "import google.protobuf, PIL"]).Exit == 0 && Run("protoc", ["--version"]).Exit == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // there is no such program
        }
    }

    private static (int Exit, string Output, string Error) Run(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    private static string Script(string name, [CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "Python", name));
}

using System.Diagnostics;

namespace SelfSup.Cli;

/// <summary>This program, to be started once more.</summary>
internal static class OwnProgram
{
    /// <summary>How to start it, by its own start program or, where it was started so, by <c>dotnet SelfSup.Cli.dll</c>.</summary>
    public static ProcessStartInfo With(params IEnumerable<string> arguments)
    {
        var program = Environment.ProcessPath!;
        string[] assembly = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
        return new ProcessStartInfo(program, [.. assembly, .. arguments]) { UseShellExecute = false };
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

using SelfSup.Errors;
using SelfSup.Hosting;
using SelfSup.Training;

namespace SelfSup.Cli;

/// <summary>
/// What the command line does about a run that hangs: a second process of this program reads the stacks of the first
/// (<c>selfsup stacks</c>), and the end of the program does not wait for threads that are stuck.
/// </summary>
internal sealed partial class ProgramHangResponse(TerminalProgress terminal) : IHangResponse
{
    private const int SetPtracer = 0x59616d61;

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _terminalLimit = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public string WriteStacks(string path)
    {
        var process = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        return Read(process, path) is { } why
            ? $"its stacks cannot be read ({why}); selfsup stacks {process} tries again"
            : $"stacks of all managed threads: {path}";
    }

    /// <inheritdoc/>
    public void End(TrainingException error)
    {
        var ending = new Thread(() =>
        {
            terminal.End();
            ErrorReport.Print(error, Console.Error);
        })
        {
            IsBackground = true,
        };
        ending.Start();
        ending.Join(_terminalLimit); // the terminal may be what hangs
        Signals.EndProcess(error.ExitCode);
    }

    /// <summary>Lets a process of this program read them.</summary>
    /// <returns>Why it could not, or null.</returns>
    private static string? Read(string process, string path)
    {
        var start = OwnProgram.With("stacks", process, "--out", path, StacksCommand.WhenTold);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        try
        {
            using var reader = Process.Start(start)!;
            try
            {
                Permit(reader.Id);
                reader.StandardInput.WriteLine();
                reader.StandardInput.Close();
                if (!reader.WaitForExit(_limit))
                {
                    reader.Kill();
                    return string.Create(CultureInfo.InvariantCulture, $"not within {_limit.TotalSeconds} s");
                }

                return reader.ExitCode == 0 ? null : reader.StandardError.ReadToEnd().ReplaceLineEndings(" ").Trim();
            }
            finally
            {
                Permit(0);
            }
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return e.Message;
        }
    }

    /// <summary>Where Linux lets a process be looked into by its parents only (Yama), this one lets a child do it too.</summary>
    private static void Permit(int process)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = Control(SetPtracer, (nuint)process, 0, 0, 0); // an error where there is no Yama
        }
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint second, nuint third, nuint fourth, nuint fifth);
}

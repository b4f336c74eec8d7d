using System.Diagnostics;
using System.Text.Json;

using SelfSup.Checkpoints;

namespace SelfSup.Hosting.Examination;

/// <summary>Asks a native library by a process of its own, which a wrong one may end.</summary>
/// <param name="program">How to start this program with arguments.</param>
internal sealed class ProbeProcess(Func<string[], ProcessStartInfo> program)
{
    /// <summary>The verb that answers.</summary>
    public const string Verb = "probe";

    /// <summary>Before the answer: libraries may print what they like around it.</summary>
    private const string Mark = "selfsup-probe: ";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    /// <summary>What the process of a probe prints.</summary>
    public static string Text(LibraryAnswer answer) => "\n" + Mark + JsonSerializer.Serialize(answer, CheckpointManifest.Json).ReplaceLineEndings("");

    /// <summary>Asks a library.</summary>
    public LibraryAnswer Ask(string kind, string name)
    {
        var (code, output, error) = Capture(program([Verb, kind, name]), _patience);
        if (output.Split('\n').LastOrDefault(line => line.StartsWith(Mark, StringComparison.Ordinal)) is { } line)
        {
            try
            {
                return JsonSerializer.Deserialize<LibraryAnswer>(line[Mark.Length..], CheckpointManifest.Json)!;
            }
            catch (JsonException)
            {
                // It ended in the middle of it.
            }
        }

        var said = error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault();
        return new LibraryAnswer
        {
            Name = name,
            Failure = (code switch
            {
                null => $"it gives no answer within {_patience.TotalSeconds:0} s",
                > 128 => $"a process that loads it ends by signal {code - 128}",
                _ => $"a process that loads it ends with code {code}",
            }) + (said is null ? "" : $", saying: {said}"),
        };
    }

    /// <summary>Runs a program to its end.</summary>
    /// <param name="start">The program.</param>
    /// <param name="patience">How long it may take.</param>
    /// <returns>Its exit code, or null where it was ended for being slow; what it said.</returns>
    internal static (int? Code, string Output, string Error) Capture(ProcessStartInfo start, TimeSpan patience)
    {
        start.UseShellExecute = false;
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(patience))
        {
            process.Kill(entireProcessTree: true);
            return (null, "", "");
        }

        return (process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }
}

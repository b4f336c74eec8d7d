using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

using SelfSup.Errors;

namespace SelfSup.Tools.Throughput;

/// <summary>A Python script beside the program, started once and then told what to do line by line.</summary>
internal sealed class PythonProcess : IDisposable
{
    private readonly Process _process;
    private readonly string _script;

    private PythonProcess(Process process, string script, JsonObject introduction) =>
        (_process, _script, Introduction) = (process, script, introduction);

    /// <summary>What the script says of itself when it starts.</summary>
    public JsonObject Introduction { get; }

    /// <summary>Of Python and what it uses.</summary>
    public JsonObject Versions => Introduction["versions"]!.AsObject();

    /// <summary>Starts a script; null where there is no Python with torchvision, which stderr then says.</summary>
    /// <param name="script">The name of its file.</param>
    /// <param name="argument">What it is started with.</param>
    /// <param name="threads">Threads of its OpenMP.</param>
    public static PythonProcess? Start(string script, string argument, int threads)
    {
        var python = Environment.GetEnvironmentVariable("PYTHON") is { Length: > 0 } named ? named : "/usr/bin/python3";
        var start = new ProcessStartInfo(python, [Path.Combine(AppContext.BaseDirectory, script), argument])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment["OMP_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        try
        {
            var process = Process.Start(start)!;
            if (process.StandardOutput.ReadLine() is { } introduction)
            {
                return new(process, script, JsonNode.Parse(introduction)!.AsObject());
            }

            process.Dispose();
            return null;
        }
        catch (Win32Exception e)
        {
            Report.Progress(
                $"{python}: cannot be started ({new Win32Exception(e.NativeErrorCode).Message}), must be a Python with "
                + "torchvision to compare with; install it (Debian: apt-get install python3-torchvision), name another "
                + "one in the variable PYTHON, or use --ours-only");
            return null;
        }
    }

    /// <summary>Tells it what to do, and waits until it is done.</summary>
    /// <exception cref="DataException">It ended instead.</exception>
    public JsonObject Ask(string line)
    {
        string? answer = null;
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
            answer = _process.StandardOutput.ReadLine();
        }
        catch (IOException)
        {
            // The pipe is closed: there is no answer either.
        }

        return answer is null
            ? throw new DataException($"{_script}: ended at '{line}', must answer; its own message stands above this one")
            : JsonNode.Parse(answer)!.AsObject();
    }

    public void Dispose()
    {
        _process.StandardInput.Dispose(); // It ends at the end of its input.
        _process.WaitForExit();
        _process.Dispose();
    }
}

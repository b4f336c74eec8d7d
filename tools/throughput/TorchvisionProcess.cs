using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

using SelfSup.Errors;

namespace SelfSup.Tools.Throughput;

/// <summary>torchvision_views.py, started once and then told what to do line by line.</summary>
internal sealed class TorchvisionProcess : IDisposable
{
    private readonly Process _process;

    private TorchvisionProcess(Process process, JsonObject introduction) =>
        (_process, Images, Versions) = (process, (int)introduction["images"]!, introduction["versions"]!.AsObject());

    /// <summary>How many images it found.</summary>
    public int Images { get; }

    /// <summary>Of Python and what it uses.</summary>
    public JsonObject Versions { get; }

    /// <summary>Starts the script; null where there is no Python with torchvision, which stderr then says.</summary>
    public static TorchvisionProcess? Start(string python, string folder)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "torchvision_views.py");
        var start = new ProcessStartInfo(python, [script, folder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        try
        {
            var process = Process.Start(start)!;
            if (process.StandardOutput.ReadLine() is { } introduction)
            {
                return new(process, JsonNode.Parse(introduction)!.AsObject());
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

    /// <summary>Lets it work for so many seconds of CPU time.</summary>
    /// <exception cref="DataException">It ended instead.</exception>
    public Measurement Measure(string workload, double seconds)
    {
        string? answer = null;
        try
        {
            _process.StandardInput.WriteLine($"{workload} {seconds}");
            _process.StandardInput.Flush();
            answer = _process.StandardOutput.ReadLine();
        }
        catch (IOException)
        {
            // The pipe is closed: there is no answer either.
        }

        if (answer is null)
        {
            throw new DataException(
                $"torchvision_views.py: ended at {workload}, must answer; its own message stands above this one");
        }

        using var result = JsonDocument.Parse(answer);
        var cpuSeconds = result.RootElement.GetProperty("cpuSeconds").GetDouble();
        return new Measurement(result.RootElement.GetProperty("images").GetInt64(), cpuSeconds, double.NaN);
    }

    public void Dispose()
    {
        _process.StandardInput.Dispose(); // It ends at the end of its input.
        _process.WaitForExit();
        _process.Dispose();
    }
}

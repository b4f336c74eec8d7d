using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SelfSup.Tools.Crash;

/// <summary>A training process that is killed, or is left to its end.</summary>
internal sealed class Victim(string program, string recipe, string run)
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);

    private readonly StringBuilder _output = new();

    private string Checkpoints => Path.Combine(run, "checkpoints");

    private string Metrics => Path.Combine(run, "metrics.jsonl");

    /// <summary>Trains to the end.</summary>
    /// <exception cref="InvalidOperationException">It ended otherwise.</exception>
    public void Finish()
    {
        using var process = Start(null, 0);
        WaitForEnd(process);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"the program ended with {process.ExitCode}:\n{_output}");
        }
    }

    /// <summary>Trains until it is killed.</summary>
    /// <param name="moment">When.</param>
    /// <param name="random">What chooses the moment exactly.</param>
    /// <returns>Whether it was killed; false where it had reached its end before.</returns>
    /// <exception cref="InvalidOperationException">It ended with an error.</exception>
    public bool Kill(KillMoment moment, Random random)
    {
        var calls = moment switch
        {
            KillMoment.Renaming => "rename",
            KillMoment.Syncing => "fsync",
            KillMoment.Deleting => "unlink",
            _ => null,
        };
        using var process = Start(calls, random.Next(1, 16));
        if (calls is null)
        {
            WaitFor(process, moment, random);
            process.Kill();
        }

        WaitForEnd(process);
        return process.ExitCode switch
        {
            0 => false,
            137 => true,
            var code => throw new InvalidOperationException($"the program ended with {code}:\n{_output}"),
        };
    }

    private void WaitFor(Process process, KillMoment moment, Random random)
    {
        switch (moment)
        {
            case KillMoment.Starting:
                Until(process, TimeSpan.FromMilliseconds(random.Next(50, 2000)), () => false);
                break;
            case KillMoment.Anywhere:
                var lines = Lines() + random.Next(1, 12);
                Until(process, _limit, () => Lines() >= lines);
                Pause(random.NextDouble() * 30);
                break;
            case KillMoment.Writing:
                var folders = Temporary().ToHashSet();
                Until(process, _limit, () => Temporary().Any(folder => !folders.Contains(folder)));
                Pause(random.NextDouble() * 4);
                break;
            case KillMoment.Completing:
                var old = Temporary().ToHashSet();
                Until(process, _limit, () => Temporary().Any(folder => !old.Contains(folder) && File.Exists(Path.Combine(folder, "manifest.json"))));
                Pause(random.NextDouble());
                break;
            default:
                throw new UnreachableException();
        }
    }

    private string[] Temporary()
    {
        try
        {
            return Directory.Exists(Checkpoints) ? Directory.GetDirectories(Checkpoints, "*.tmp") : [];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private int Lines()
    {
        if (!File.Exists(Metrics))
        {
            return 0;
        }

        using var reader = new StreamReader(new FileStream(Metrics, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd().Count(c => c == '\n');
    }

    /// <summary>Spins, since a checkpoint of this size is written in a few milliseconds.</summary>
    private static void Until(Process process, TimeSpan limit, Func<bool> reached)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < limit && !process.HasExited && !reached();)
        {
            Thread.Sleep(0);
        }
    }

    private static void Pause(double milliseconds)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed.TotalMilliseconds < milliseconds;)
        {
            Thread.Sleep(0);
        }
    }

    private Process Start(string? calls, int nth)
    {
        string[] arguments = ["pretrain", recipe, "--run", run];
        var start = calls is null
            ? new ProcessStartInfo(program, arguments)
            : new ProcessStartInfo(
                Tracer.Program,
                [.. Tracer.Inject(calls, string.Create(CultureInfo.InvariantCulture, $"signal=KILL:when={nth}")), program, .. arguments]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void WaitForEnd(Process process)
    {
        if (!process.WaitForExit(_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"the program did not end in {_limit}:\n{_output}");
        }

        process.WaitForExit();
    }

    private void Append(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
        {
            _output.AppendLine(line.Data);
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SelfSup.IntegrationTests.Support;

/// <summary>The real program in a process of its own, on one thread so that it does not disturb its neighbours.</summary>
internal sealed class SelfSupProcess : IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    private SelfSupProcess(string workingDirectory, string[] arguments, params (string Name, string Value)[] environment)
        : this(Program, workingDirectory, arguments, environment)
    {
    }

    private SelfSupProcess(
        string program, string workingDirectory, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SELFSUP__RUN__THREADS"] = "1";
        start.Environment["OMPI_MCA_mpi_yield_when_idle"] = "1"; // ranks that wait let others have the core
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The program.</summary>
    public static string Program => Path.Combine(AppContext.BaseDirectory, "SelfSup.Cli");

    /// <summary>The process.</summary>
    public int Id => _process.Id;

    /// <summary>Starts the program and leaves it running.</summary>
    public static SelfSupProcess Start(string workingDirectory, params string[] arguments) => new(workingDirectory, arguments);

    /// <summary>Starts the program with other environment variables and leaves it running.</summary>
    public static SelfSupProcess Start(string workingDirectory, (string Name, string Value)[] environment, params string[] arguments) =>
        new(workingDirectory, arguments, environment);

    /// <summary>Runs the program to its end.</summary>
    public static Outcome Run(string workingDirectory, params string[] arguments)
    {
        using var process = Start(workingDirectory, arguments);
        return process.Wait();
    }

    /// <summary>Runs the program to its end with another environment variable.</summary>
    public static Outcome Run(string workingDirectory, (string Name, string Value) variable, params string[] arguments)
    {
        using var process = new SelfSupProcess(workingDirectory, arguments, variable);
        return process.Wait();
    }

    /// <summary>Starts another program and leaves it running.</summary>
    public static SelfSupProcess StartProgram(string program, string workingDirectory, params string[] arguments) =>
        new(program, workingDirectory, arguments, environment: []);

    /// <summary>Sends a signal, <c>TERM</c> or <c>KILL</c>.</summary>
    public void Signal(string name) => Signal(name, _process.Id);

    /// <summary>Sends a signal to any process.</summary>
    public static void Signal(string name, int process)
    {
        Assert.SkipWhen(name == "INT" && IgnoresInterrupts(), "SIGINT is ignored here, as it is for what a script runs in the background");
        using var kill = Process.Start("kill", ["-" + name, process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Waits until the program has said something on stderr, or has ended.</summary>
    public void WaitForError(string text) => WaitUntil(
        () => Text(_error).Contains(text, StringComparison.Ordinal),
        $"'{text}' was not said");

    /// <summary>Waits until the program has said something on stdout, or has ended.</summary>
    /// <returns>What it has said so far.</returns>
    public string WaitForOutput(string text)
    {
        WaitUntil(() => Text(_output).Contains(text, StringComparison.Ordinal), $"'{text}' was not said");
        return Text(_output);
    }

    /// <summary>Waits until a file has at least so many whole lines, or the process has ended.</summary>
    public void WaitForLines(string path, int lines) => WaitUntil(() => Lines(path) >= lines, $"{path} did not reach {lines} lines");

    /// <summary>Waits until something is so, or the process has ended; fails after the limit.</summary>
    public void WaitUntil(Func<bool> reached, string otherwise)
    {
        var watch = Stopwatch.StartNew();
        while (!_process.HasExited && !reached())
        {
            if (watch.Elapsed > _limit)
            {
                Assert.Fail($"{otherwise}:\n{Text(_output)}{Text(_error)}");
            }

            Task.Delay(5).Wait();
        }
    }

    /// <summary>Waits for the end.</summary>
    public Outcome Wait(TimeSpan? limit = null)
    {
        if (!_process.WaitForExit(limit ?? _limit))
        {
            _process.Kill(entireProcessTree: true);
            Assert.Fail($"the program did not end in {limit ?? _limit}:\n{Text(_output)}{Text(_error)}");
        }

        _process.WaitForExit(); // for the output's end
        return new Outcome(_process.ExitCode, Text(_output), Text(_error));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>Programs inherit it, and rightly keep to it.</summary>
    private static bool IgnoresInterrupts() => File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } ignored
        && (Convert.ToUInt64(ignored["SigIgn:".Length..].Trim(), 16) & 0b10) != 0;

    private static int Lines(string path)
    {
        if (!File.Exists(path))
        {
            return 0;
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd().Count(c => c == '\n');
    }

    /// <summary>What was said so far; more may be coming from another thread.</summary>
    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }
        }
    }
}

/// <summary>How a process ended.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error)
{
    /// <summary>The lines on stderr.</summary>
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Fails unless it ended with the code and exactly one line on stderr that contains the text.</summary>
    public void IsOneLine(int exitCode, params string[] parts)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}, expected {exitCode}:\n{Output}{Error}");
        var line = Assert.Single(ErrorLines);
        Assert.All(parts, part => Assert.Contains(part, line, StringComparison.Ordinal));
    }

    /// <summary>Fails unless it refused the command line with the text.</summary>
    public void IsUsage(string text)
    {
        Assert.Equal(2, ExitCode);
        Assert.Equal($"selfsup: {text}", ErrorLines[0]);
    }

    /// <summary>Fails unless it ended well.</summary>
    public Outcome Succeeds()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}:\n{Output}{Error}");
        return this;
    }
}

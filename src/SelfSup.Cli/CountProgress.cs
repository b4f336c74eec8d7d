using System.Globalization;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>
/// Shows how many of a number of images are done, how fast, and how long it will still take: a live bar where the output
/// is a terminal, a line every few seconds where it is a file or a pipe.
/// </summary>
internal sealed class CountProgress : IDisposable
{
    private const double SecondsBetweenLines = 5;
    private const double SecondsBetweenShows = 0.1;

    /// <summary>The rate is that of the last so many seconds.</summary>
    private const double Window = 20;

    private readonly TextWriter _output;
    private readonly LiveBar? _bar;
    private readonly Queue<(double Seconds, int Done)> _marks = new();
    private readonly long _started = TimeProvider.System.GetTimestamp();
    private double _shown;

    private CountProgress(TextWriter output, LiveBar? bar) => (_output, _bar) = (output, bar);

    /// <summary>Progress on standard output.</summary>
    public static CountProgress ToOutput() =>
        new(Console.Out, Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive ? null : new LiveBar(AnsiConsole.Console));

    /// <summary>Progress on standard error, for verbs whose output is what they found.</summary>
    public static CountProgress ToError()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return new(Console.Error, Console.IsErrorRedirected || !console.Profile.Capabilities.Interactive ? null : new LiveBar(console));
    }

    /// <summary>Tells how many are done; called often, from one thread.</summary>
    /// <param name="done">How many.</param>
    /// <param name="total">Of how many.</param>
    /// <param name="more">What else there is to say.</param>
    public void Report(int done, int total, string more)
    {
        var now = TimeProvider.System.GetElapsedTime(_started).TotalSeconds;
        if (_marks.Count == 0)
        {
            _marks.Enqueue((now, done));
            _shown = now;
            _bar?.Start(done, total, "starting");
            return;
        }

        if (now - _shown < (_bar is null ? SecondsBetweenLines : SecondsBetweenShows))
        {
            return;
        }

        _shown = now;
        var (since, before) = _marks.Peek();
        var rate = (done - before) / Math.Max(1e-3, now - since);
        var left = rate > 0 ? TerminalProgress.Time(TimeSpan.FromSeconds((total - done) / rate)) : "?";
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{done:N0} of {total:N0} images  {rate:0.0} images/s{more}  left {left}");
        if (_bar is null)
        {
            _output.WriteLine(text);
        }
        else
        {
            _bar.Show(done, text);
        }

        _marks.Enqueue((now, done));
        while (_marks.Count > 2 && now - _marks.Peek().Seconds > Window)
        {
            _marks.Dequeue();
        }
    }

    /// <summary>Ends what is live, so that what follows is printed in its place.</summary>
    public void Dispose() => _bar?.Dispose();
}

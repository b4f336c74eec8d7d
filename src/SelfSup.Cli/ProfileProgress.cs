using SelfSup.Runs;
using SelfSup.Training;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>How far a profile is: a bar on standard error where that is a terminal.</summary>
internal sealed class ProfileProgress : IRunProgress, IDisposable
{
    private readonly ProfileOptions _options;
    private readonly LiveBar? _bar;

    public ProfileProgress(ProfileOptions options, bool isShown)
    {
        _options = options;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        if (isShown && !Console.IsErrorRedirected && console.Profile.Capabilities.Interactive)
        {
            _bar = new LiveBar(console);
            _bar.Start(0, options.AllSteps, "starting");
        }
    }

    /// <inheritdoc/>
    public void Started(RunStart start)
    {
    }

    /// <inheritdoc/>
    public void Stepped(StepProgress progress)
    {
        var step = progress.Report.Step;
        _bar?.Show(step, step < _options.StepsLeftOut
            ? $"warming up, step {step} of {_options.StepsLeftOut}"
            : $"step {step - _options.StepsLeftOut} of {_options.Steps}");
    }

    /// <inheritdoc/>
    public void Evaluating(long step) => _bar?.Show(step, "judging the encoder");

    /// <inheritdoc/>
    public void Evaluated(long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration)
    {
    }

    /// <inheritdoc/>
    public void Saved(long step, string path)
    {
    }

    /// <inheritdoc/>
    public void Warn(string message) => ErrorReport.Warn(message);

    /// <inheritdoc/>
    public void Dispose() => _bar?.Dispose();
}

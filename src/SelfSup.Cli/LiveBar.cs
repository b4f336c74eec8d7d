using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>A bar that moves in a terminal, with a text beside it; gone when it is disposed.</summary>
internal sealed class LiveBar(IAnsiConsole console) : IDisposable
{
    private readonly TaskCompletionSource _ended = new();
    private Task _display = Task.CompletedTask;
    private ProgressTask? _bar;

    /// <summary>Shows the bar.</summary>
    public void Start(long value, long maximum, string text)
    {
        var ready = new TaskCompletionSource();
        _display = console.Progress()
            .AutoClear(true)
            .HideCompleted(false)
            .Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(async context =>
            {
                _bar = context.AddTask(Markup.Escape(text), maxValue: maximum);
                _bar.Value = value;
                ready.SetResult();
                await _ended.Task;
            });
        Task.WhenAny(ready.Task, _display).Unwrap().GetAwaiter().GetResult(); // an error of the display must not hang the run
    }

    /// <summary>Moves the bar.</summary>
    public void Show(long value, string text)
    {
        if (_bar is { } bar)
        {
            bar.Value = value;
            bar.Description = Markup.Escape(text);
        }
    }

    /// <summary>Ends the bar, so that what follows is printed in its place.</summary>
    public void Dispose()
    {
        _ended.TrySetResult();
        _display.GetAwaiter().GetResult();
        _display = Task.CompletedTask;
    }
}

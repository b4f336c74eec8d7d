using System.Globalization;

using SelfSup.Reports;
using SelfSup.Training;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>Shows a run: a live bar where the output is a terminal, plain lines where it is a file or a pipe.</summary>
internal abstract class TerminalProgress : IRunProgress, IDisposable
{
    /// <param name="mayMove">Whether the output may be a terminal; mpirun gives ranks one that nobody looks at.</param>
    public static TerminalProgress Create(bool mayMove = true) =>
        !mayMove || Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive ? new PlainProgress() : new LiveProgress();

    /// <summary>What the encoder is before the first step.</summary>
    protected string Beginning { get; private set; } = "untrained";

    /// <inheritdoc/>
    public virtual void Started(RunStart start)
    {
        var plan = start.Plan;
        Beginning = start.IsWarm ? "before training" : Beginning;
        Line($"{Short(start.RunDirectory)}: {start.Images.ToString("N0", CultureInfo.InvariantCulture)} images, " +
            $"{plan.TotalSteps} steps of {plan.BatchSize} ({plan.Epoch(plan.TotalSteps):0.##} epochs), " +
            $"{start.Parameters.ToString("N0", CultureInfo.InvariantCulture)} parameters, {start.Device}, "
            + (start.Ranks > 1 ? $"{start.Ranks} ranks of {start.Threads} threads ({start.Engine})" : $"{start.Threads} threads"));
        if (start.Stores.Count > 0)
        {
            Line($"kept between steps: {string.Join(", ", start.Stores.Select(store => $"{store.Name} {Sizes.Bytes(store.Bytes)}"))}");
        }

        if (start.WarmStart is { } warm)
        {
            Line(warm.Message.Replace(warm.From, Short(warm.From), StringComparison.Ordinal));
            foreach (var note in warm.Notes)
            {
                Line($"  {note}");
            }
        }

        if (start.FirstStep == plan.TotalSteps)
        {
            Line("is finished; nothing is left to train (start another run with --run)");
        }
        else if (start.FirstStep > 0)
        {
            Line($"goes on after step {start.FirstStep} (epoch {plan.Epoch(start.FirstStep):0.00}), {(start.IsExact ? "bit for bit" : "equal up to rounding")}");
        }
    }

    /// <inheritdoc/>
    public abstract void Stepped(StepProgress progress);

    /// <inheritdoc/>
    public abstract void Evaluating(long step);

    /// <inheritdoc/>
    public virtual void Evaluated(
        long step, double epoch, IReadOnlyDictionary<string, double> values, TimeSpan duration) =>
        Line($"{(step == 0 ? Beginning : $"epoch {epoch:0.##}")}: " +
            $"{string.Join("; ", values.Select(v => $"{MeasureNames.Of(v.Key)} {v.Value:0.00 %}"))} ({Time(duration)})");

    /// <inheritdoc/>
    public virtual void Saved(long step, string path)
    {
    }

    /// <inheritdoc/>
    public void CheckpointAnswered(long step) => Line($"checkpoint of step {step} is written, as asked");

    /// <inheritdoc/>
    public void Warn(string message) => ErrorReport.Warn(message);

    /// <summary>Prints what the run reached.</summary>
    public void Finished(string directory, IReadOnlyDictionary<string, object?> result)
    {
        string Number(string key, string format) => ((IFormattable)result[key]!).ToString(format, CultureInfo.InvariantCulture);
        var accuracy = MeasureNames.First(result.Keys.Where(key => result.ContainsKey(key + "Untrained") || result.ContainsKey(key + "Before"))) is { } key
            ? $"{MeasureNames.Of(key)} {Number(result.ContainsKey(key + "Before") ? key + "Before" : key + "Untrained", "0.00 %")} {Beginning}, {Number(key, "0.00 %")} trained; "
            : "";
        Line($"done: {accuracy}loss {Number("loss", "0.0000")}, {Number("imagesPerSecond", "0.0")} images/s, " +
            $"{Time(TimeSpan.FromSeconds((double)result["seconds"]!))}");
        Line($"backbone and result: {Short(directory)}");
    }

    /// <summary>Ends what is live, so that what follows is printed below it.</summary>
    public virtual void End()
    {
    }

    /// <inheritdoc/>
    public virtual void Dispose() => End();

    /// <summary>Prints a line that stays.</summary>
    protected abstract void Line(string text);

    /// <summary>The state of the run as one line.</summary>
    protected static string Describe(StepProgress p, TrainingPlan plan) => string.Create(
        CultureInfo.InvariantCulture,
        $"epoch {Math.Min(Math.Floor(plan.Epoch(p.Report.Step - 1)) + 1, Math.Ceiling(plan.Epoch(plan.TotalSteps)))}/" +
        $"{Math.Ceiling(plan.Epoch(plan.TotalSteps))}  step {p.Report.Step}/{plan.TotalSteps}  loss {p.Report.Loss:0.0000}  " +
        $"{p.ImagesPerSecond:0.0} images/s  waiting {p.WaitShare:0.0 %}  left {(p.Remaining is { } left ? Time(left) : "?")}");

    /// <summary>A duration as people say it.</summary>
    internal static string Time(TimeSpan time) => time.TotalHours >= 1
        ? $"{(int)time.TotalHours} h {time.Minutes:00} min"
        : time.TotalMinutes >= 1 ? $"{time.Minutes} min {time.Seconds:00} s" : $"{time.TotalSeconds:0.0} s";

    /// <summary>A path as the user would type it.</summary>
    internal static string Short(string path) =>
        Path.GetRelativePath(Directory.GetCurrentDirectory(), path) is { } relative && !relative.StartsWith("..", StringComparison.Ordinal)
            ? relative
            : path;
}

/// <summary>A line when something happens, and every ten seconds.</summary>
internal sealed class PlainProgress : TerminalProgress
{
    private TrainingPlan? _plan;
    private long _last;

    /// <inheritdoc/>
    public override void Started(RunStart start)
    {
        _plan = start.Plan;
        base.Started(start);
    }

    /// <inheritdoc/>
    public override void Stepped(StepProgress progress)
    {
        var now = TimeProvider.System.GetTimestamp();
        var step = progress.Report.Step;
        if (_last == 0 || step % _plan!.StepsPerEpoch == 0 || TimeProvider.System.GetElapsedTime(_last, now).TotalSeconds >= 10)
        {
            _last = now;
            Line(Describe(progress, _plan!));
        }
    }

    /// <inheritdoc/>
    public override void Evaluating(long step)
    {
    }

    /// <inheritdoc/>
    protected override void Line(string text) => Console.WriteLine(text);
}

/// <summary>A bar that moves, with the numbers below it; lines that stay scroll above.</summary>
internal sealed class LiveProgress : TerminalProgress
{
    private readonly Lock _gate = new();
    private readonly LiveBar _bar = new(AnsiConsole.Console);
    private TrainingPlan? _plan;

    /// <inheritdoc/>
    public override void Started(RunStart start)
    {
        _plan = start.Plan;
        base.Started(start);
        _bar.Start(start.FirstStep, start.Plan.TotalSteps, "starting");
    }

    /// <inheritdoc/>
    public override void Stepped(StepProgress progress) => _bar.Show(progress.Report.Step, Describe(progress, _plan!));

    /// <inheritdoc/>
    public override void Evaluating(long step) =>
        _bar.Show(step, step > 0 ? "judging the encoder" : Beginning == "untrained" ? "judging the untrained encoder" : "judging the encoder before training");

    /// <inheritdoc/>
    public override void End() => _bar.Dispose();

    /// <inheritdoc/>
    protected override void Line(string text)
    {
        lock (_gate)
        {
            AnsiConsole.MarkupLineInterpolated($"{text}");
        }
    }
}

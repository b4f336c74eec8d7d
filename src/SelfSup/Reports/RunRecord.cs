using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Runs;
using SelfSup.Training;

namespace SelfSup.Reports;

/// <summary>
/// What a run's folder tells but its curves, which are <see cref="MetricsSeries"/>: settings, state, pace, history, result. The run may
/// be running, on this machine or another; nothing of it is held.
/// </summary>
internal sealed record RunRecord
{
    private const int LargestResult = 1 << 20;

    // Bytes of the metrics' end that are searched for what is rare: of running runs tens of thousands of lines, of the others a thousand.
    private const int FarBack = 8 << 20;
    private const int Back = 1 << 18;

    private RunRecord(RunSummary summary) => Summary = summary;

    /// <summary>How it stands: name, state, step, last loss and evaluation, history.</summary>
    public RunSummary Summary { get; }

    /// <summary>Every setting of its recipe by its path.</summary>
    public OrderedDictionary<string, string> Settings { get; private init; } = [];

    /// <summary>What trains it; empty where its recipe cannot be read.</summary>
    public string Method => Settings.GetValueOrDefault("method.name", "");

    /// <summary>What <c>result.json</c> has of a run that is finished; numbers as numbers, text as text.</summary>
    public IReadOnlyDictionary<string, JsonElement> Result { get; private init; } = new Dictionary<string, JsonElement>();

    /// <summary>How long it is; null where neither a checkpoint nor its metrics tell yet.</summary>
    public TrainingPlan? Plan { get; private init; }

    /// <summary>How fast a running one is; null for others, and before its first step.</summary>
    public RunPace? Pace { get; private init; }

    /// <summary>What is to be looked at.</summary>
    public IReadOnlyList<RunWarning> Warnings { get; private init; } = [];

    /// <summary>The metrics of a run.</summary>
    public static string MetricsOf(string folder) => Path.Combine(folder, "metrics.jsonl");

    /// <summary>Reads a run's folder.</summary>
    /// <param name="folder">The run directory.</param>
    /// <param name="now">The time.</param>
    /// <param name="seen">When somebody here last saw it write: the clock of a shared disk may be another one.</param>
    /// <param name="before">What it told then.</param>
    public static RunRecord Read(string folder, DateTimeOffset now, DateTimeOffset seen = default, RunRecord? before = null)
    {
        var summary = RunSummary.Read(folder, now, seen);
        // What is left has evaluations in it, of which the last may be long ago.
        var isRunning = summary.State == RunStanding.Running;
        var tail = summary.Tail.WithPast(
            MetricsOf(folder), isRunning && before is { Summary.State: RunStanding.Running } ? before.Summary.Tail : null, isRunning ? FarBack : Back);
        summary = summary with { Tail = tail };
        // A running one may have been judged since its newest checkpoint.
        if (tail.Evaluation is { } judged && (summary.Evaluation.Count == 0 || (isRunning && tail.EvaluationStep >= (summary.EvaluationStep ?? 0))))
        {
            summary = summary with { Evaluation = judged, EvaluationStep = tail.EvaluationStep };
        }

        var settings = RecipeSettings.Read(Path.Combine(folder, "recipe.yaml"));
        var plan = PlanOf(summary, settings);
        var pace = summary.State == RunStanding.Running && plan is not null ? RunPace.Of(summary.Tail, plan, summary.History) : null;
        return new RunRecord(plan is null ? summary : summary with { TotalSteps = plan.TotalSteps, StepsPerEpoch = plan.StepsPerEpoch })
        {
            Settings = settings,
            Result = ResultOf(Path.Combine(folder, "result.json")),
            Plan = plan,
            Pace = pace,
            Warnings = RunWarnings.Of(summary, pace, settings, plan?.StepsPerEpoch ?? 0, now),
        };
    }

    /// <summary>
    /// How long a run is: as its newest checkpoint says it, before the first as its recipe and the epoch of its last step do.
    /// </summary>
    private static TrainingPlan? PlanOf(RunSummary summary, OrderedDictionary<string, string> settings)
    {
        var stepsPerEpoch = summary.StepsPerEpoch > 0 ? summary.StepsPerEpoch
            : summary.Tail is { Step: > 0, Epoch: > 0 } last ? (long)Math.Round(last.Step / last.Epoch)
            : 0;
        if (stepsPerEpoch == 0)
        {
            return null;
        }

        var asked = Whole("training.epochs") is { } epochs ? Math.Min(epochs * stepsPerEpoch, Whole("training.maxSteps") ?? long.MaxValue) : 0;
        // One that was given more epochs has checkpoints of before until it writes its first.
        var total = summary.TotalSteps == 0 ? asked : summary.State == RunStanding.Running ? Math.Max(asked, summary.TotalSteps) : summary.TotalSteps;
        return total == 0 ? null : new TrainingPlan(
            (int)(Whole("training.globalBatchSize") ?? 0),
            stepsPerEpoch,
            total,
            (Whole("checkpoint.everyEpochs") ?? 1) * stepsPerEpoch,
            Whole("checkpoint.everySteps"),
            (Whole("evaluation.everyEpochs") ?? 0) * stepsPerEpoch);

        long? Whole(string key) =>
            int.TryParse(settings.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static Dictionary<string, JsonElement> ResultOf(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(RegularFile.ReadAll(path, LargestResult));
            return json.RootElement.EnumerateObject().DistinctBy(property => property.Name).ToDictionary(property => property.Name, property => property.Value.Clone());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return []; // there is none yet
        }
    }
}

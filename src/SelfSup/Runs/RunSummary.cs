using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>How a run stands, by what is in its directory.</summary>
internal sealed record RunSummary
{
    private const int LargestHistory = 4 << 20; // bytes; of a longer one its end

    /// <summary>Its name, that of its directory.</summary>
    public required string Name { get; init; }

    /// <summary>Its directory.</summary>
    public required string Path { get; init; }

    /// <summary>How it stands.</summary>
    public required RunStanding State { get; init; }

    /// <summary>Who runs it, what stopped it, or why it failed.</summary>
    public string? Reason { get; init; }

    /// <summary>Steps done: those that a running one has reported, else those that the newest checkpoint has.</summary>
    public long Step { get; init; }

    /// <summary>Steps of the whole run; 0 where no checkpoint says it yet.</summary>
    public long TotalSteps { get; init; }

    /// <summary>Epochs done.</summary>
    public double Epoch { get; init; }

    /// <summary>The last loss.</summary>
    public double? Loss { get; init; }

    /// <summary>The values of the last evaluation, by name; none where there was none.</summary>
    public IReadOnlyDictionary<string, double> Evaluation { get; init; } = new Dictionary<string, double>();

    /// <summary>After how many steps that was; null where there was none.</summary>
    public long? EvaluationStep { get; init; }

    /// <summary>When it first began.</summary>
    public DateTimeOffset Began { get; init; }

    /// <summary>When it last wrote something.</summary>
    public DateTimeOffset LastSign { get; init; }

    /// <summary>Size on disk.</summary>
    public long Bytes { get; init; }

    /// <summary>Steps of an epoch; 0 where no checkpoint says it yet.</summary>
    public long StepsPerEpoch { get; init; }

    /// <summary>How many classes it learns; 0 where it learns none.</summary>
    public int Classes { get; init; }

    /// <summary>What happened to it, oldest first.</summary>
    public IReadOnlyList<RunEvent> History { get; init; } = [];

    /// <summary>The end of its metrics.</summary>
    public required MetricsTail Tail { get; init; }

    /// <summary>Whether a folder is a run's.</summary>
    public static bool IsRun(string folder) =>
        File.Exists(System.IO.Path.Combine(folder, "recipe.yaml")) || File.Exists(RunDirectory.HistoryOf(folder));

    /// <summary>Looks at a run's directory. A run that is being written is looked at as well as it can be.</summary>
    /// <param name="folder">The directory.</param>
    /// <param name="now">The time, by which a run of another machine is silent.</param>
    /// <param name="seen">When somebody here last saw it write: the clock of a shared disk may be another one.</param>
    public static RunSummary Read(string folder, DateTimeOffset now, DateTimeOffset seen = default)
    {
        var files = Files(folder);
        var history = RunHistory.Read(RunDirectory.HistoryOf(folder), LargestHistory);
        var (manifest, last) = (Newest(folder), MetricsTail.Read(System.IO.Path.Combine(folder, "metrics.jsonl")));
        DateTimeOffset written = files.Count > 0 ? files.Max(file => file.LastWriteTimeUtc) : default;
        if (written > now)
        {
            written = seen == default ? now : seen; // of a machine whose clock is ahead: it says nothing until that time
        }

        var lastSign = written > seen ? written : seen;
        // One that was given more epochs afterwards has the result of those before.
        var isFinished = File.Exists(System.IO.Path.Combine(folder, "result.json")) && !(manifest?.Step < manifest?.TotalSteps);
        var (state, reason) = RunDirectory.HolderOf(folder) is { } holder ? (RunStanding.Running, holder)
            : isFinished ? (RunStanding.Finished, null)
            : HeldElsewhere(folder, now - lastSign, last.Patience) ?? Ended(history);
        var isAhead = state == RunStanding.Running && last.Step > (manifest?.Step ?? 0);
        (long? Step, IReadOnlyDictionary<string, double>? Values) judged = !(isAhead && last.Evaluation is not null) && manifest?.Evaluations is [.., { } newest]
            ? (newest.Step, newest.Values)
            : (last.EvaluationStep, last.Evaluation);
        return new RunSummary
        {
            Name = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(folder))),
            Path = folder,
            State = state,
            Reason = reason,
            Step = isAhead ? last.Step : manifest?.Step ?? 0,
            TotalSteps = manifest?.TotalSteps ?? 0,
            Epoch = isAhead ? last.Epoch : manifest?.Epoch ?? 0,
            Loss = isAhead ? last.Loss ?? manifest?.Loss : manifest?.Loss ?? last.Loss,
            Evaluation = judged.Values ?? new Dictionary<string, double>(),
            EvaluationStep = judged.Step,
            Began = history is [var first, ..] ? first.At : files.Count > 0 ? files.Min(file => file.LastWriteTimeUtc) : default,
            LastSign = lastSign,
            Bytes = files.Sum(file => file.Length),
            StepsPerEpoch = manifest?.StepsPerEpoch ?? 0,
            Classes = manifest?.Classes?.Count ?? 0,
            History = history,
            Tail = last,
        };
    }

    /// <summary>
    /// How a run stands that a process of another machine held; null where there is none. Its lock may not be seen here, so that its
    /// word counts while it gives signs of life.
    /// </summary>
    private static (RunStanding State, string? Reason)? HeldElsewhere(string folder, TimeSpan silent, TimeSpan patience) =>
        RunDirectory.HolderElsewhere(folder) is not { } holder ? null
            : silent < patience ? (RunStanding.Running, holder)
            : (RunStanding.Silent, $"no sign of life of {holder}");

    /// <summary>How a run ended that no process holds.</summary>
    private static (RunStanding State, string? Reason) Ended(IReadOnlyList<RunEvent> history) =>
        history.LastOrDefault(e => e.Event is RunEventKind.Started or RunEventKind.Resumed or RunEventKind.Stopped or RunEventKind.Failed
            or RunEventKind.Died or RunEventKind.GivenUp) switch
        {
            { Event: RunEventKind.Failed or RunEventKind.GivenUp } failed => (RunStanding.Failed, failed.Message),
            { Event: RunEventKind.Died } died => (RunStanding.Failed, $"ended with {died.Signal ?? $"exit code {died.ExitCode}"}"),
            { Event: RunEventKind.Stopped } stopped => (RunStanding.Interrupted, stopped.Signal ?? "the program around it stopped"),
            _ => (RunStanding.Interrupted, "its process was killed"),
        };

    private static CheckpointManifest? Newest(string folder)
    {
        foreach (var path in RunDirectory.CheckpointsOf(folder).Paths.Reverse())
        {
            try
            {
                return CheckpointManifest.Read(path);
            }
            catch (CheckpointException)
            {
                // Whether checkpoints are whole is not asked here; the one before tells.
            }
        }

        return null;
    }

    private static List<FileInfo> Files(string folder)
    {
        try
        {
            return [.. new DirectoryInfo(folder)
                .EnumerateFiles("*", new EnumerationOptions
                {
                    RecurseSubdirectories = true,
                    IgnoreInaccessible = true,
                    AttributesToSkip = FileAttributes.ReparsePoint, // what is elsewhere is not its own
                })
                .Where(file => file.Exists)];
        }
        catch (IOException)
        {
            return []; // a checkpoint was renamed meanwhile
        }
    }
}

/// <summary>How a run stands.</summary>
internal enum RunStanding
{
    /// <summary>A process holds its directory.</summary>
    Running,

    /// <summary>A process of another machine held its directory, and has given no sign of life for long.</summary>
    Silent,

    /// <summary>All steps are done.</summary>
    Finished,

    /// <summary>It was stopped or killed; the same command goes on.</summary>
    Interrupted,

    /// <summary>It ended with an error.</summary>
    Failed,
}

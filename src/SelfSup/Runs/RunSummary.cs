using System.Text;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>How a run stands, by what is in its directory.</summary>
internal sealed record RunSummary
{
    private const int Tail = 1 << 16; // of metrics.jsonl: a few hundred lines

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

    /// <summary>When it first began.</summary>
    public DateTimeOffset Began { get; init; }

    /// <summary>When it last wrote something.</summary>
    public DateTimeOffset LastSign { get; init; }

    /// <summary>Size on disk.</summary>
    public long Bytes { get; init; }

    /// <summary>Whether a folder is a run's.</summary>
    public static bool IsRun(string folder) =>
        File.Exists(System.IO.Path.Combine(folder, "recipe.yaml")) || File.Exists(RunDirectory.HistoryOf(folder));

    /// <summary>Looks at a run's directory. A run that is being written is looked at as well as it can be.</summary>
    public static RunSummary Read(string folder)
    {
        var files = Files(folder);
        var history = RunHistory.Read(RunDirectory.HistoryOf(folder));
        var (manifest, last) = (Newest(folder), LastLines(System.IO.Path.Combine(folder, "metrics.jsonl")));
        var holder = RunDirectory.HolderOf(folder);
        // One that was given more epochs afterwards has the result of those before.
        var isFinished = File.Exists(System.IO.Path.Combine(folder, "result.json")) && !(manifest?.Step < manifest?.TotalSteps);
        var (state, reason) = holder is not null ? (RunStanding.Running, holder)
            : isFinished ? (RunStanding.Finished, null)
            : Ended(history);
        var isAhead = state == RunStanding.Running && last.Step > (manifest?.Step ?? 0);
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
            Evaluation = (isAhead ? last.Evaluation : null) ?? (manifest?.Evaluations is [.., var newest] ? newest.Values : null) ?? last.Evaluation
                ?? new Dictionary<string, double>(),
            Began = history is [var first, ..] ? first.At : files.Count > 0 ? files.Min(file => file.LastWriteTimeUtc) : default,
            LastSign = files.Count > 0 ? files.Max(file => file.LastWriteTimeUtc) : default,
            Bytes = files.Sum(file => file.Length),
        };
    }

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
                .EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
                .Where(file => file.Exists)];
        }
        catch (IOException)
        {
            return []; // a checkpoint was renamed meanwhile
        }
    }

    /// <summary>What the last lines of metrics.jsonl tell.</summary>
    private static (long Step, double Epoch, double? Loss, Dictionary<string, double>? Evaluation) LastLines(string path)
    {
        (long Step, double Epoch, double? Loss, Dictionary<string, double>? Evaluation) last = default;
        foreach (var line in Lines(path))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                var root = json.RootElement;
                last = (root.GetProperty("step").GetInt64(), root.GetProperty("epoch").GetDouble(), last.Loss, last.Evaluation);
                if (root.TryGetProperty("loss", out var loss) && loss.ValueKind == JsonValueKind.Number)
                {
                    last.Loss = loss.GetDouble();
                }

                if (root.TryGetProperty("evaluation", out var evaluation))
                {
                    last.Evaluation = evaluation.EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetDouble());
                }
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                // Half a line: the first of the piece, or one that is being written.
            }
        }

        return last;
    }

    private static string[] Lines(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            file.Position = Math.Max(0, file.Length - Tail);
            using var reader = new StreamReader(file, Encoding.UTF8);
            return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}

/// <summary>How a run stands.</summary>
internal enum RunStanding
{
    /// <summary>A process holds its directory.</summary>
    Running,

    /// <summary>All steps are done.</summary>
    Finished,

    /// <summary>It was stopped or killed; the same command goes on.</summary>
    Interrupted,

    /// <summary>It ended with an error.</summary>
    Failed,
}

using System.Text;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Training;

namespace SelfSup.Runs;

/// <summary>
/// What the last lines of a run's <c>metrics.jsonl</c> tell, which another process or machine may be writing: of a file of any length
/// only its end is read.
/// </summary>
internal sealed record MetricsTail
{
    private const int Tail = 24 << 10; // a hundred lines
    private const int Piece = 1 << 18;
    private const int LongestLine = 1 << 14;

    private static readonly byte[] _evaluation = [.. "\"evaluation\":"u8];
    private static readonly byte[] _embeddings = [.. "\"embeddings\":"u8];

    /// <summary>Steps done.</summary>
    public long Step { get; private set; }

    /// <summary>Epochs done, with the part of the current one.</summary>
    public double Epoch { get; private set; }

    /// <summary>The last loss that is a number.</summary>
    public double? Loss { get; private set; }

    /// <summary>The values of the last evaluation; null where there is none.</summary>
    public IReadOnlyDictionary<string, double>? Evaluation { get; private set; }

    /// <summary>After how many steps that was; null where there is none.</summary>
    public long? EvaluationStep { get; private set; }

    /// <summary>How long the last evaluation took; null where that is not said.</summary>
    public double? EvaluationSeconds { get; private set; }

    /// <summary>The last steps, oldest first.</summary>
    public IReadOnlyList<StepLine> Steps => _steps;

    /// <summary>The last looks at the embedding space, oldest first.</summary>
    public IReadOnlyList<SpaceLine> Looks { get; private set; } = [];

    private readonly List<StepLine> _steps = [];
    private long _end; // bytes of the file

    /// <summary>
    /// How long a run may be silent and still be thought to move: several of its steps and evaluations, and five minutes in any case.
    /// </summary>
    public TimeSpan Patience
    {
        get
        {
            var between = _steps.Count > 1 ? (_steps[^1].Step - _steps[0].Step) / (_steps.Count - 1) : 1;
            var longest = _steps.Count > 0 ? _steps.Max(step => step.Seconds) : 0;
            return TimeSpan.FromSeconds(Math.Clamp(Math.Max(20 * between * longest, 3 * (EvaluationSeconds ?? 0)), 300, 7 * 24 * 3600));
        }
    }

    /// <summary>Reads the end of a file; of one that is not there nothing is known.</summary>
    public static MetricsTail Read(string path)
    {
        var tail = new MetricsTail();
        try
        {
            foreach (var line in RegularFile.ReadEnd(path, Tail, out tail._end).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                tail.Take(line);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is not there yet.
        }

        return tail;
    }

    /// <summary>
    /// The same with what is rarer than the lines at the end: the last evaluation, and as many looks at the embedding space as it is
    /// judged by. What has come since the end before is looked for, then that which was known there, or else some way back.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="before">The end of the file as it was, with what is rare; null at the first look.</param>
    /// <param name="back">How many bytes are searched at the first look.</param>
    public MetricsTail WithPast(string path, MetricsTail? before, int back)
    {
        if (IsEnough)
        {
            return this;
        }

        before = before is not null && before.Step <= Step && before._end <= _end ? before : null;
        var past = new MetricsTail();
        try
        {
            // Half a line may have been there before.
            past.Search(path, _end, Math.Max(0, before is null ? _end - back : before._end - LongestLine));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is not there any longer.
        }

        var judged = Evaluation is not null ? this : past.Evaluation is not null ? past : before ?? past;
        return this with
        {
            Evaluation = judged.Evaluation,
            EvaluationStep = judged.EvaluationStep,
            EvaluationSeconds = judged.EvaluationSeconds,
            Looks = [.. Looks.Concat(past.Looks).Concat(before?.Looks ?? []).DistinctBy(look => look.Step).OrderBy(look => look.Step).TakeLast(RunHealth.LooksInARow)],
        };
    }

    private bool IsEnough => Evaluation is not null && Looks.Count >= RunHealth.LooksInARow;

    /// <summary>Takes what is rare from the end on backwards, by pieces of whole lines.</summary>
    private void Search(string path, long end, long least)
    {
        using var file = RegularFile.Open(path);
        var piece = new byte[(int)Math.Min(Piece, Math.Max(0, end - least))];
        while (end > least && !IsEnough)
        {
            var start = Math.Max(least, end - piece.Length);
            file.Position = start;
            var read = piece.AsSpan(0, file.ReadAtLeast(piece.AsSpan(0, (int)(end - start)), (int)(end - start), throwOnEndOfStream: false));
            var whole = start == 0 ? 0 : read.IndexOf((byte)'\n') + 1;
            if (start > 0 && (whole == 0 || start + whole == end))
            {
                return; // no line of a run is that long
            }

            TakeBackwards(read[whole..]);
            end = start + whole;
        }
    }

    private void TakeBackwards(ReadOnlySpan<byte> lines)
    {
        while (lines.Length > 0 && !IsEnough)
        {
            var begin = lines[..^1].LastIndexOf((byte)'\n') + 1;
            var line = lines[begin..];
            lines = lines[..begin];
            if (line.IndexOf(_evaluation) < 0 && line.IndexOf(_embeddings) < 0)
            {
                continue;
            }

            var own = new MetricsTail();
            own.Take(Encoding.UTF8.GetString(line));
            if (Evaluation is null)
            {
                (Evaluation, EvaluationStep, EvaluationSeconds) = (own.Evaluation, own.EvaluationStep, own.EvaluationSeconds);
            }

            Looks = Looks.Count < RunHealth.LooksInARow ? [.. own.Looks, .. Looks] : Looks;
        }
    }

    private void Take(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            Take(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // Half a line: one that is being written, or that a killed process left.
        }
    }

    private void Take(JsonElement line)
    {
        (Step, Epoch) = (line.GetProperty("step").GetInt64(), line.GetProperty("epoch").GetDouble());
        Loss = Number(line, "loss") ?? Loss;
        if (line.TryGetProperty("evaluation", out var evaluation))
        {
            (Evaluation, EvaluationStep) = (Numbers(evaluation), Step);
            EvaluationSeconds = Number(line, "evaluationSeconds") ?? EvaluationSeconds;
        }

        if (Number(line, "stepSeconds") is { } seconds)
        {
            _steps.Add(new StepLine(Step, seconds, Number(line, "dataWaitSeconds") ?? 0));
        }

        if (line.TryGetProperty("embeddings", out var space))
        {
            Looks = [.. Looks, new SpaceLine(Step, Numbers(space))];
        }
    }

    private static Dictionary<string, double> Numbers(JsonElement element) => element.EnumerateObject()
        .Where(value => value.Value.ValueKind == JsonValueKind.Number)
        .DistinctBy(value => value.Name)
        .ToDictionary(value => value.Name, value => value.Value.GetDouble());

    private static double? Number(JsonElement line, string name) =>
        line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.GetDouble() is var number && double.IsFinite(number) ? number : null;
}

/// <summary>A step as <c>metrics.jsonl</c> has it.</summary>
/// <param name="Step">Steps done with it.</param>
/// <param name="Seconds">How long it took, its wait included.</param>
/// <param name="WaitSeconds">How long it waited for its batch.</param>
internal sealed record StepLine(long Step, double Seconds, double WaitSeconds);

/// <summary>A look at the embedding space as <c>metrics.jsonl</c> has it.</summary>
/// <param name="Step">Steps done then.</param>
/// <param name="Measures">What was measured, by name.</param>
internal sealed record SpaceLine(long Step, IReadOnlyDictionary<string, double> Measures);

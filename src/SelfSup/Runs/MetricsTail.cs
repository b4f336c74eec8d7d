using System.Text;
using System.Text.Json;

namespace SelfSup.Runs;

/// <summary>
/// What the last lines of a run's <c>metrics.jsonl</c> tell, which another process or machine may be writing: of a file of any length
/// only its end is read.
/// </summary>
internal sealed record MetricsTail
{
    private const int Tail = 1 << 16; // a few hundred lines

    /// <summary>Steps done.</summary>
    public long Step { get; private set; }

    /// <summary>Epochs done, with the part of the current one.</summary>
    public double Epoch { get; private set; }

    /// <summary>The last loss that is a number.</summary>
    public double? Loss { get; private set; }

    /// <summary>The values of the last evaluation; null where there is none.</summary>
    public IReadOnlyDictionary<string, double>? Evaluation { get; private set; }

    /// <summary>How long the last evaluation took; null where that is not said.</summary>
    public double? EvaluationSeconds { get; private set; }

    /// <summary>The last steps, oldest first.</summary>
    public IReadOnlyList<StepLine> Steps => _steps;

    /// <summary>The last looks at the embedding space, oldest first.</summary>
    public IReadOnlyList<SpaceLine> Looks => _looks;

    private readonly List<StepLine> _steps = [];
    private readonly List<SpaceLine> _looks = [];

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
        foreach (var line in Lines(path))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                tail.Take(json.RootElement);
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                // Half a line: the first of the piece, or one that is being written.
            }
        }

        return tail;
    }

    private void Take(JsonElement line)
    {
        (Step, Epoch) = (line.GetProperty("step").GetInt64(), line.GetProperty("epoch").GetDouble());
        Loss = Number(line, "loss") ?? Loss;
        if (line.TryGetProperty("evaluation", out var evaluation))
        {
            Evaluation = Numbers(evaluation);
            EvaluationSeconds = Number(line, "evaluationSeconds") ?? EvaluationSeconds;
        }

        if (Number(line, "stepSeconds") is { } seconds)
        {
            _steps.Add(new StepLine(Step, seconds, Number(line, "dataWaitSeconds") ?? 0));
        }

        if (line.TryGetProperty("embeddings", out var space))
        {
            _looks.Add(new SpaceLine(Step, Numbers(space)));
        }
    }

    private static Dictionary<string, double> Numbers(JsonElement element) => element.EnumerateObject()
        .Where(value => value.Value.ValueKind == JsonValueKind.Number)
        .DistinctBy(value => value.Name)
        .ToDictionary(value => value.Name, value => value.Value.GetDouble());

    private static double? Number(JsonElement line, string name) =>
        line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static string[] Lines(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            file.Position = Math.Max(0, file.Length - Tail);
            var bytes = new byte[(int)Math.Min(Tail, file.Length - file.Position)];
            var read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return Encoding.UTF8.GetString(bytes, 0, read).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
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

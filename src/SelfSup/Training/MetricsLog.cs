using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Diagnostics;

namespace SelfSup.Training;

/// <summary>
/// <c>metrics.jsonl</c>: a JSON object a line, for steps and for evaluations. After a resume it continues as if the run
/// had never stopped: lines of steps that are done again are removed.
/// </summary>
internal sealed class MetricsLog : IDisposable
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        // A step that was left out has a loss that is no number.
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly StreamWriter _writer;
    private readonly Action<string> _warn;
    private bool _failed;

    /// <param name="path">The file.</param>
    /// <param name="step">Steps done; later lines are removed.</param>
    /// <param name="warn">Told once when the file cannot be written; the run goes on without.</param>
    public MetricsLog(string path, long step, Action<string> warn)
    {
        _warn = warn;
        if (File.Exists(path))
        {
            var kept = File.ReadLines(path).Where(line => StepOf(line) is { } at && at <= step).ToArray();
            DurableFile.Write(path, string.Concat(kept.Select(line => line + "\n")));
        }

        _writer = new StreamWriter(path, append: true) { NewLine = "\n", AutoFlush = true };
    }

    /// <summary>Appends the line of a step.</summary>
    public void Step(StepProgress progress, double stepSeconds, double waitSeconds, int images) => Append(new
    {
        progress.Report.Step,
        Epoch = Math.Round(progress.Epoch, 6),
        progress.Report.Loss,
        progress.Report.LearningRate,
        ImagesPerSecond = Math.Round(images / stepSeconds, 2),
        DataWaitSeconds = Math.Round(waitSeconds, 6),
        StepSeconds = Math.Round(stepSeconds, 6),
        progress.Report.GradientNorm,
    });

    /// <summary>Appends the line of a look at the embedding space.</summary>
    public void Embeddings(StepProgress progress, EmbeddingReport space, IReadOnlyDictionary<string, double> facts) => Append(new
    {
        progress.Report.Step,
        Epoch = Math.Round(progress.Epoch, 6),
        Embeddings = space.Measures,
        Method = facts,
    });

    /// <summary>Appends the line of an evaluation.</summary>
    public void Evaluation(long step, double epoch, IReadOnlyDictionary<string, double> values) =>
        Append(new { Step = step, Epoch = Math.Round(epoch, 6), Evaluation = values });

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            _writer.Dispose();
        }
        catch (IOException)
        {
            // What could not be written was reported by Append.
        }
    }

    private static long? StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null; // a line that a killed process wrote half
        }
    }

    private void Append(object line)
    {
        if (_failed)
        {
            return;
        }

        try
        {
            _writer.WriteLine(JsonSerializer.Serialize(line, _json));
        }
        catch (IOException e)
        {
            _failed = true;
            _warn($"metrics.jsonl cannot be written ({e.Message}); training goes on without it");
        }
    }
}

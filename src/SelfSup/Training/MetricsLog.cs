using System.Text;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Diagnostics;

namespace SelfSup.Training;

/// <summary>
/// <c>metrics.jsonl</c>: a JSON object a line, for steps and for evaluations. After a resume it continues as if the run
/// had never stopped: lines of steps that are done again are removed. Where the file cannot be written, lines wait in memory
/// and the run goes on.
/// </summary>
internal sealed class MetricsLog : IDisposable
{
    /// <summary>Lines that wait at most; the oldest are given up.</summary>
    private const int MostWaiting = 100_000;

    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);

    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        // A step that was left out has a loss that is no number.
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly string _path;
    private readonly long _step; // as the run began or went on, also where the file is opened later
    private readonly HashSet<long> _evaluated;
    private readonly Action<string> _warn;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Queue<string> _waiting = new();
    private FileStream? _file;
    private bool _wasOpen;
    private long? _failedAt;

    /// <param name="path">The file.</param>
    /// <param name="state">The run as it begins or goes on; lines of what it does not know are removed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="warn">Told when the file cannot be written, and when it can be again.</param>
    public MetricsLog(string path, RunState state, TimeProvider time, Action<string> warn)
    {
        (_path, _step, _time, _warn) = (path, state.Step, time, warn);
        _evaluated = [.. state.Evaluations.Select(evaluation => evaluation.Step)];
        lock (_gate)
        {
            WriteWaiting();
        }
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
    public void Evaluation(long step, double epoch, IReadOnlyDictionary<string, double> values, double seconds) =>
        Append(new { Step = step, Epoch = Math.Round(epoch, 6), Evaluation = values, EvaluationSeconds = Math.Round(seconds, 6) });

    /// <summary>
    /// Forces the lines so far to disk, where it lets them: those of the steps before a checkpoint are not written again
    /// after a resume from it. From any thread.
    /// </summary>
    public void FlushToDisk()
    {
        lock (_gate)
        {
            if (_waiting.Count > 0)
            {
                WriteWaiting();
            }

            try
            {
                if (_file is not null)
                {
                    DurableFile.Flush(_file);
                }
            }
            catch (IOException)
            {
                // Append says it when the next line fails; a checkpoint does not depend on metrics.
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        FlushToDisk();
        Close();
    }

    private void Append(object line)
    {
        lock (_gate)
        {
            _waiting.Enqueue(JsonSerializer.Serialize(line, _json));
            if (_failedAt is { } at && _time.GetElapsedTime(at) < _pause)
            {
                if (_waiting.Count > MostWaiting)
                {
                    _ = _waiting.Dequeue();
                }

                return;
            }

            WriteWaiting();
        }
    }

    private void WriteWaiting()
    {
        try
        {
            _file ??= Open();
            while (_waiting.TryPeek(out var line))
            {
                var whole = _file.Position;
                try
                {
                    _file.Write(Encoding.UTF8.GetBytes(line + "\n"));
                }
                catch (IOException)
                {
                    _file.SetLength(whole); // a full disk takes half a line
                    throw;
                }

                _ = _waiting.Dequeue();
            }

            if (_failedAt is not null)
            {
                _failedAt = null;
                _warn($"{_path}: can be written again; nothing is missing in it");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Close();
            if (_failedAt is null)
            {
                _warn($"{_path}: cannot be written ({e.Message}); training goes on, and what belongs there is written when it can be");
            }

            _failedAt = _time.GetTimestamp();
        }
    }

    /// <summary>Opens the file behind its last line that stays.</summary>
    private FileStream Open()
    {
        var file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            // What this process has written stays.
            var end = End(isFirst: !_wasOpen);
            if (end < file.Length)
            {
                file.SetLength(end);
            }

            file.Position = end;
            _wasOpen = true;
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void Close()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException)
        {
            // What could not be written was said.
        }

        _file = null;
    }

    /// <summary>
    /// Bytes up to the first line of a later step or of an evaluation that is made again, or to one that a killed process wrote
    /// half.
    /// </summary>
    private long End(bool isFirst)
    {
        // A character is a byte this way; a line's own encoding does not matter here.
        using var reader = new StreamReader(
            new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete),
            Encoding.Latin1,
            detectEncodingFromByteOrderMarks: false);
        long end = 0;
        long read = 0;
        while (reader.ReadLine() is { } line)
        {
            read += line.Length + 1;
            if (Parse(line) is not var (step, isEvaluation) || read > reader.BaseStream.Length)
            {
                continue;
            }

            if (isFirst && (step > _step || (isEvaluation && !_evaluated.Contains(step))))
            {
                return end;
            }

            end = read;
        }

        return end;
    }

    private static (long Step, bool IsEvaluation)? Parse(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return (json.RootElement.GetProperty("step").GetInt64(), json.RootElement.TryGetProperty("evaluation", out _));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}

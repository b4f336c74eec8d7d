using System.Globalization;
using System.Text;

namespace SelfSup.IntegrationTests.Support;

/// <summary>The folder of a run that nobody ran: its recipe, history and metrics, as a run of another machine would be writing them.</summary>
internal sealed class MadeUpRun
{
    /// <summary>Steps of an epoch.</summary>
    public const int StepsPerEpoch = 100;

    /// <summary>Steps of the run.</summary>
    public const int TotalSteps = 1000;

    private int _step;

    public MadeUpRun(string folder, string method = "simclr", string temperature = "0.5", bool isRunning = true)
    {
        Folder = Directory.CreateDirectory(folder).FullName;
        File.WriteAllText(Path.Combine(Folder, "recipe.yaml"), $$"""
            run: { name: {{method}}, seed: 1 }
            method: { name: {{method}}, temperature: {{temperature}} }
            encoder: { backbone: resnet20, head: { output: 128 } }
            training: { epochs: 10, globalBatchSize: 64 }
            evaluation: { everyEpochs: 1 }
            """);
        File.WriteAllText(
            Path.Combine(Folder, "history.jsonl"),
            "{\"event\":\"started\",\"at\":\"2026-01-01T12:00:00+00:00\",\"step\":0,\"process\":7,\"host\":\"another-machine\"}\n");
        if (isRunning)
        {
            File.WriteAllText(Path.Combine(Folder, "run.holder"), "process 7 on another-machine");
        }
    }

    /// <summary>Its directory.</summary>
    public string Folder { get; }

    /// <summary>Its metrics.</summary>
    public string Metrics => Path.Combine(Folder, "metrics.jsonl");

    /// <summary>The loss of a step.</summary>
    public static double Loss(int step) => Math.Round(5 + (3 * Math.Exp(-step / 200.0)) + (0.1 * Math.Sin(step * 1.7)), 6);

    /// <summary>Does so many steps more.</summary>
    public MadeUpRun Step(int steps)
    {
        var lines = new StringBuilder();
        for (var last = _step + steps; _step < last;)
        {
            _step++;
            var epoch = (double)_step / StepsPerEpoch;
            lines.Append(CultureInfo.InvariantCulture, $"{{\"step\":{_step},\"epoch\":{epoch},\"loss\":{Loss(_step)},\"learningRate\":{0.05 * (1 - (_step / 1000.0))},")
                .Append(CultureInfo.InvariantCulture, $"\"imagesPerSecond\":{64 / 0.25},\"dataWaitSeconds\":0.015625,\"stepSeconds\":0.25,\"gradientNorm\":{1 + (_step % 5 * 0.1)}}}\n");
            if (_step % 10 == 1)
            {
                lines.Append(CultureInfo.InvariantCulture, $"{{\"step\":{_step},\"epoch\":{epoch},\"embeddings\":{{\"alignment\":{0.9 - (_step * 0.0004)},\"effectiveRank\":{20 + (_step % 7)},\"standardDeviation\":0.08}}}}\n");
            }

            if (_step % StepsPerEpoch == 0)
            {
                lines.Append(CultureInfo.InvariantCulture, $"{{\"step\":{_step},\"epoch\":{epoch},\"evaluation\":{{\"knn\":{0.3 + (_step * 0.0002)},\"knnTop5\":{0.8 + (_step * 0.0001)}}},\"evaluationSeconds\":2}}\n");
            }
        }

        File.AppendAllText(Metrics, lines.ToString());
        return this;
    }

    /// <summary>Goes back as a resume from a checkpoint does: the lines of later steps are removed.</summary>
    public MadeUpRun Back(int step)
    {
        File.WriteAllLines(Metrics, File.ReadAllLines(Metrics).Where(line => int.Parse(line.Split(':', ',')[1], CultureInfo.InvariantCulture) <= step));
        _step = step;
        return this;
    }

    /// <summary>Something happened to it.</summary>
    public MadeUpRun Happened(string kind, string message)
    {
        File.AppendAllText(
            Path.Combine(Folder, "history.jsonl"),
            $"{{\"event\":\"{kind}\",\"at\":\"2026-01-01T12:30:00+00:00\",\"step\":{_step},\"message\":\"{message}\"}}\n");
        return this;
    }
}

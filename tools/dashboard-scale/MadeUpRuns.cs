using System.Globalization;
using System.Text;

namespace SelfSup.Tools.DashboardScale;

/// <summary>Folders of runs that nobody ran, with the lines that a run of so many steps writes.</summary>
internal static class MadeUpRuns
{
    private const int StepsPerEpoch = 1000;

    /// <summary>Makes them; those that are there already are kept.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="runs">How many.</param>
    /// <param name="steps">How long each is.</param>
    public static void Make(string folder, int runs, int steps) => Parallel.For(0, runs, run =>
    {
        var own = Directory.CreateDirectory(Path.Combine(folder, $"run-{run:D3}")).FullName;
        var metrics = Path.Combine(own, "metrics.jsonl");
        if (File.Exists(Path.Combine(own, "history.jsonl")))
        {
            return;
        }

        File.WriteAllText(Path.Combine(own, "recipe.yaml"), string.Create(CultureInfo.InvariantCulture, $$"""
            run: { name: run-{{run}}, seed: {{run}} }
            method: { name: simclr, temperature: {{0.1 + (run % 10 * 0.05)}} }
            encoder: { backbone: resnet50, head: { output: 128 } }
            training: { epochs: {{steps / StepsPerEpoch}}, globalBatchSize: 256 }
            evaluation: { everyEpochs: 10 }
            """));
        using (var writer = new StreamWriter(metrics, append: false, new UTF8Encoding(false), 1 << 20))
        {
            for (var step = 1; step <= steps; step++)
            {
                Write(writer, run, step);
            }
        }

        // Every tenth is running, the others were stopped.
        if (run % 10 == 0)
        {
            File.WriteAllText(Path.Combine(own, "run.holder"), $"process {run} on another-machine");
        }

        File.WriteAllText(Path.Combine(own, "history.jsonl"), "{\"event\":\"started\",\"at\":\"2026-01-01T00:00:00+00:00\",\"step\":0}\n");
    });

    /// <summary>The length of the metrics of all.</summary>
    public static long Bytes(string folder) =>
        Directory.EnumerateFiles(folder, "metrics.jsonl", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);

    private static void Write(StreamWriter writer, int run, int step)
    {
        var epoch = Math.Round((double)step / StepsPerEpoch, 6);
        var noise = ((step * 7919L) + (run * 104729L)) % 1000 / 1000.0;
        var loss = 4 + (2 * Math.Exp(-step / 20_000.0)) + (0.1 * noise);
        if (step % 10 == 1)
        {
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{epoch},\"embeddings\":{{\"alignment\":{0.5 + (noise / 10)},\"uniformity\":{-3 + noise},\"effectiveRank\":{30 + noise},\"standardDeviation\":{0.08 + (noise / 100)},\"positiveSimilarity\":{0.7 + (noise / 10)},\"hardestNegativeSimilarity\":{0.8 + (noise / 10)}}},\"method\":{{\"informationBound\":{1 + noise}}}}}\n"));
        }

        writer.Write(string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{epoch},\"loss\":{loss},\"learningRate\":{0.06 * (1 + Math.Cos(step * 3.14e-5)) / 2},\"imagesPerSecond\":{Math.Round(500 + (100 * noise), 2)},\"dataWaitSeconds\":{Math.Round(noise / 1000, 6)},\"stepSeconds\":{Math.Round(0.5 + (noise / 10), 6)},\"gradientNorm\":{0.6 + noise}}}\n"));
        if (step % (10 * StepsPerEpoch) == 0)
        {
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{epoch},\"evaluation\":{{\"knn\":{0.3 + (step * 3e-6)},\"knnTop5\":{0.8 + (step * 1e-6)}}},\"evaluationSeconds\":20}}\n"));
        }
    }
}

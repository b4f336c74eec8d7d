using SkiaSharp;

namespace SelfSup.IntegrationTests.Support;

/// <summary>An empty folder with a small recipe in it: 24 steps of a narrow network on embedded images.</summary>
internal sealed class Workspace : IDisposable
{
    /// <summary>Steps of the recipe.</summary>
    public const int Steps = 24;

    private readonly string _path = Directory.CreateTempSubdirectory("selfsup-").FullName;

    public Workspace() => File.WriteAllText(this["tiny.yaml"], $$"""
        run: { seed: 5 }
        data: { path: {{Repository.TrainImages}}, limit: 256 }
        views:
          - randomResizedCrop: { size: 28, scale: [0.3, 1.0] }
          - horizontalFlip: { probability: 0.5 }
          - colorJitter: { probability: 0.8, brightness: 0.4, contrast: 0.4 }
          - normalize: { mean: [0.286, 0.286, 0.286], standardDeviation: [0.353, 0.353, 0.353] }
        encoder: { backbone: resnet20, width: 0.25, head: { output: 16 } }
        method: { name: simclr, temperature: 0.2 }
        optimizer: { name: sgd, momentum: 0.9, weightDecay: 5.0e-4 }
        schedule: { name: cosine, learningRate: 0.05 }
        training: { epochs: 3, globalBatchSize: 32 }
        checkpoint: { everySteps: 5, keep: 2 }
        evaluation:
          everyEpochs: 1
          test: { path: {{Repository.TestImages}}, limit: 64 }
          knn: { neighbours: 10, temperature: 0.1 }
        """);

    public string this[params string[] parts] => Path.Combine([_path, .. parts]);

    /// <summary>The files of a run.</summary>
    public RunFiles Files(string run) => new(this[run]);

    /// <summary>Fails unless two runs ended alike, bit for bit.</summary>
    public void IsTheSame(string expected, string actual) => Files(actual).IsTheSameAs(Files(expected));

    /// <summary>Runs <c>selfsup pretrain tiny.yaml --run NAME</c>.</summary>
    public Outcome Pretrain(string run, params string[] more) =>
        SelfSupProcess.Run(_path, ["pretrain", "tiny.yaml", "--run", run, .. more]);

    /// <summary>Runs <c>selfsup pretrain tiny.yaml --run NAME</c> by another program, such as one that lets system calls fail.</summary>
    public SelfSupProcess StartBy(string program, string[] arguments, string run, params string[] more) => SelfSupProcess.StartProgram(
        program, _path, [.. arguments, SelfSupProcess.Program, "pretrain", "tiny.yaml", "--run", run, .. more]);

    /// <summary>Runs any verb.</summary>
    public Outcome Run(params string[] arguments) => SelfSupProcess.Run(_path, arguments);

    /// <summary>Starts <c>selfsup pretrain tiny.yaml --run NAME</c>.</summary>
    public SelfSupProcess Start(string run, params string[] more) =>
        SelfSupProcess.Start(_path, ["pretrain", "tiny.yaml", "--run", run, .. more]);

    /// <summary>Makes a folder of made-up images in two classes.</summary>
    public string Images(string name, int count, int size)
    {
        for (var i = 0; i < count; i++)
        {
            var folder = Directory.CreateDirectory(this[name, i % 2 == 0 ? "circles" : "squares"]).FullName;
            using var bitmap = new SKBitmap(size, size);
            using (var canvas = new SKCanvas(bitmap))
            using (var paint = new SKPaint { Color = SKColor.FromHsv(37 * i % 360, 80, 90) })
            {
                canvas.Clear(SKColor.FromHsv(11 * i % 360, 40, 60));
                var radius = size * (2 + (i % 3)) / 10f;
                if (i % 2 == 0)
                {
                    canvas.DrawCircle(size / 2f, size / 2f, radius, paint);
                }
                else
                {
                    canvas.DrawRect(size / 4f, size / 4f, radius, radius, paint);
                }
            }

            using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(Path.Combine(folder, $"{i:D4}.png"), data.ToArray());
        }

        return this[name];
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}

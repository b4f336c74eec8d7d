using System.CommandLine;
using System.Text.Json.Nodes;

using SelfSup.Augmentation;
using SelfSup.Evaluation;
using SelfSup.Images;
using SelfSup.Models;
using SelfSup.Search;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>
/// <c>measure-embedding</c>: how fast images of a source become files of embeddings, beside the network's forward passes alone
/// over batches that are in memory.
/// </summary>
internal static class MeasureEmbedding
{
    private static readonly NormalizeOptions _normalize = new() { Mean = [0.49, 0.48, 0.45], StandardDeviation = [0.25, 0.24, 0.26] };

    public static Command Command()
    {
        var images = new Argument<string>("images") { Description = "A folder of images, Parquet files or an IDX file" };
        var count = Arguments.Count("--images", "How many of them, in each round.", 2048);
        var backbone = new Option<string>("--backbone") { Description = "The network.", DefaultValueFactory = _ => "resnet18" };
        var size = Arguments.Count("--size", "S, the side of a view in pixels.", 32);
        var batch = Arguments.Count("--batch", "Images in a forward pass.", 128);
        var threads = Arguments.Count("--threads", "Threads of libtorch.", Environment.ProcessorCount);
        var bfloat16 = new Option<bool>("--bfloat16") { Description = "Computes in bfloat16." };
        var rounds = Arguments.Rounds();
        var command = new Command("measure-embedding", "selfsup embed beside its network's forward passes, in turn.")
        {
            images, count, backbone, size, batch, threads, bfloat16, rounds,
        };
        command.SetAction(parsed =>
        {
            var compute = new Compute(CPU, parsed.GetValue(bfloat16) ? Precision.Bfloat16 : Precision.Float32);
            using var encoder = Encoder.Create(
                new EncoderOptions
                {
                    Backbone = parsed.GetRequiredValue(backbone),
                    Stem = parsed.GetValue(size) <= 64 ? Stem.Small : null,
                    Head = new HeadOptions { Output = 128 },
                },
                seed: 1,
                compute);
            encoder.eval();
            var view = new ViewPipeline(
                new Resize(new() { Size = parsed.GetValue(size) }),
                new CenterCrop(new() { Size = parsed.GetValue(size) }),
                new Normalize(_normalize));
            var work = new Work(
                encoder, compute, view, parsed.GetRequiredValue(images), parsed.GetValue(count), parsed.GetValue(batch), parsed.GetValue(threads));
            _ = work.Forward(2);
            _ = work.Embed();
            var (embedding, forward) = (new List<double>(), new List<double>());
            for (var round = 0; round < parsed.GetValue(rounds); round++)
            {
                // The other one first in every second round, so that neither always has the quieter half.
                for (var turn = 0; turn < 2; turn++)
                {
                    var isEmbedding = (round + turn) % 2 == 0;
                    (isEmbedding ? embedding : forward).Add(isEmbedding ? work.Embed() : work.Forward(int.MaxValue));
                }

                Report.Progress($"round {round}: embedding {embedding[^1]:F1}, forward {forward[^1]:F1} images/s");
            }

            var ratios = embedding.Zip(forward, (a, b) => a / b).ToArray();
            Report.Print(new JsonObject
            {
                ["images"] = work.Images,
                ["backbone"] = parsed.GetValue(backbone),
                ["size"] = parsed.GetValue(size),
                ["batch"] = parsed.GetValue(batch),
                ["precision"] = compute.Precision.ToString().ToLowerInvariant(),
                ["threads"] = parsed.GetValue(threads),
                ["machine"] = Machine.Describe(),
                ["versions"] = Machine.Versions(),
                ["embeddingImagesPerSecondMedian"] = Report.Rounded(Report.Median(embedding)),
                ["forwardImagesPerSecondMedian"] = Report.Rounded(Report.Median(forward)),
                ["ratioMedian"] = Report.Rounded(Report.Median(ratios)),
                ["smallest"] = Report.Rounded(ratios.Min()),
                ["largest"] = Report.Rounded(ratios.Max()),
            });
            return 0;
        });
        return command;
    }

    private sealed class Work(Encoder encoder, Compute compute, ViewPipeline view, string path, int count, int batch, int threads)
    {
        private readonly ImageSourceOptions _options = new() { Path = path, Limit = count };
        private List<Tensor>? _ready;

        public int Images { get; private set; }

        /// <summary>Images a second of <c>selfsup embed</c>, from opening the source to the last name.</summary>
        public double Embed()
        {
            var folder = Directory.CreateTempSubdirectory("selfsup-embedding-").FullName;
            try
            {
                var options = new EmbedOptions { Source = _options, Output = Path.Combine(folder, "e.parquet"), BatchSize = batch, Workers = 1 };
                var started = TimeProvider.System.GetTimestamp();
                var report = new EmbeddingMaker(options, [new EmbedDevice(encoder, compute, threads)], [view], seed: 1)
                    .Run(new EmbeddingNetwork(new Dictionary<string, string>(), "", ""), _ => { }, default);
                return report.Images / TimeProvider.System.GetElapsedTime(started).TotalSeconds;
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        /// <summary>Images a second of the forward passes alone, on a thread like that of <c>selfsup embed</c>.</summary>
        public double Forward(int mostBatches)
        {
            _ready ??= Ready();
            var result = 0.0;
            var thread = new Thread(() =>
            {
                set_num_threads(threads);
                var started = TimeProvider.System.GetTimestamp();
                var done = 0L;
                foreach (var images in _ready.Take(mostBatches))
                {
                    using var features = FeatureExtractor.Forward(encoder, images, compute);
                    done += features.shape[0];
                }

                result = done / TimeProvider.System.GetElapsedTime(started).TotalSeconds;
            });
            thread.Start();
            thread.Join();
            return result;
        }

        private List<Tensor> Ready()
        {
            using var source = ImageSources.Open(_options);
            Images = source.Count;
            using var loader = new ViewLoader(
                source, new SequentialBatches(source.Count, batch), [view], new ViewLoaderOptions { Workers = 1, Format = compute.Views }, new());
            var ready = new List<Tensor>();
            foreach (var loaded in loader.Pass(default))
            {
                using (loaded)
                {
                    ready.Add(loaded.Views[0].clone());
                }
            }

            return ready;
        }
    }
}

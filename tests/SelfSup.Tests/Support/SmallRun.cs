using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>A run of any method on a very small network, through the real loader.</summary>
internal sealed class SmallRun : IDisposable
{
    private const int Images = 64;
    private const int BatchSize = 8;

    private readonly Sgd _optimizer;
    private readonly IEmbedder _embedder;

    public SmallRun(
        string method = "simclr",
        double? clip = null,
        Compute? compute = null,
        int? sliceSize = null,
        int replicas = 1,
        long steps = 2000,
        RecipeReader? reader = null,
        object? settings = null,
        TrainerOptions? trainer = null,
        EncoderOptions? encoder = null,
        FineTuningOptions? tuning = null,
        TupleList? pairs = null)
    {
        compute ??= Computing.Cpu;
        var images = new MadeUpImages(Images, 16);
        var options = encoder ?? new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };
        var methods = (reader ?? new RecipeReader()).Methods;
        var span = new ScheduleSpan(steps, Images / BatchSize);
        Method = methods.Create(
            method,
            settings ?? Activator.CreateInstance(methods.OptionsType(method))!,
            new MethodContext(parts => Encoder.Create(options, 3, compute, parts), images.Count, Communicator.Single)
            {
                Seed = 3,
                GlobalBatchSize = BatchSize,
                Classes = images.ClassNames.Count,
                Span = span,
                Tuples = Tuples(),
            });
        FineTuning.Apply(Method, tuning);
        _embedder = replicas > 1
            ? new ReplicaGroup(Method, replicas, replicas, compute)
            : sliceSize is { } size ? new EmbeddingCache(Method, size, compute) : new WholeBatch(Method, compute);
        _optimizer = new Sgd(new SgdOptions { Momentum = 0.9, WeightDecay = 1e-4 }, Method.Encoder.Parameters);
        Trainer = new Trainer(
            Method,
            _optimizer,
            new ConstantSchedule(new ConstantOptions { LearningRate = 0.05 }, span),
            Communicator.Single,
            _embedder,
            CPU,
            trainer ?? new TrainerOptions(clip));
        var view = new ViewPipeline(
            new RandomResizedCrop(new RandomResizedCropOptions { Size = 8, Scale = [0.5, 1] }),
            new HorizontalFlip(new HorizontalFlipOptions()));
        Loader = new ViewLoader(
            images,
            Method.NeedsTuples ? Tuples() : new ShuffledBatches(3, images, BatchSize),
            [.. Enumerable.Repeat(view, Method.Views)],
            new ViewLoaderOptions { Seed = 3, Workers = 2, Format = compute.Views },
            new UnreadableImages());

        TupleBatches Tuples() => pairs is null ? TestTuples.Of(Images, BatchSize) : new TupleBatches(3, pairs, BatchSize);
    }

    public Method Method { get; }

    public Trainer Trainer { get; }

    public ViewLoader Loader { get; }

    /// <summary>One that computes in the ways that are named.</summary>
    public static SmallRun Of(string mode, string method = "simclr", FineTuningOptions? tuning = null) => new(
        method,
        compute: new Compute(
            CPU, mode.Contains("bfloat16") ? Precision.Bfloat16 : Precision.Float32, !mode.Contains("planes"), mode.Contains("recomputing")),
        sliceSize: mode.Contains("slices") ? 3 : null,
        replicas: mode.Contains("replicas") ? 2 : 1,
        tuning: tuning);

    public List<double> Run(long first, long end)
    {
        var losses = new List<double>();
        foreach (var batch in Loader.From(first, end, CancellationToken.None))
        {
            using (batch)
            {
                losses.Add(Trainer.Step(batch).Loss);
            }
        }

        return losses;
    }

    /// <summary>A fingerprint of every piece of state.</summary>
    public Dictionary<string, string> State()
    {
        using var scope = NewDisposeScope();
        using var archive = StateArchive.Saving();
        archive.Part("run", Trainer);
        return archive.Entries.ToDictionary(
            e => e.Key,
            e => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(e.Value.reshape(-1).bytes)));
    }

    public void Dispose()
    {
        Loader.Dispose();
        _embedder.Dispose();
        _optimizer.Dispose();
        Method.Dispose();
    }
}

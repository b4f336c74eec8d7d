using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Images;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Tensors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tests.Training;

/// <summary>Steps of a real method on a very small network, through the real loader.</summary>
public sealed class TrainerTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("float32")]
    [InlineData("float32, planes")]
    [InlineData("bfloat16")]
    [InlineData("slices")]
    [InlineData("bfloat16, slices, recomputing")]
    [InlineData("bfloat16, replicas")]
    public void MemoryIsFlatOverTwoThousandSteps(string mode)
    {
        using var setup = Setup.Of(mode);
        setup.Run(0, 500);
        var (tensors, resident) = (Tensor.TotalCount, ResidentMegabytes());
        setup.Run(500, 2000);
        output.WriteLine($"tensors {tensors} -> {Tensor.TotalCount}, resident {resident:0} MB -> {ResidentMegabytes():0} MB");
        Assert.InRange(Tensor.TotalCount, 0, tensors); // fewer, where the collector has found older ones
        Assert.InRange(ResidentMegabytes() - resident, -1000, 30);
    }

    [Fact]
    public void TheLossFalls()
    {
        using var setup = new Setup();
        var losses = setup.Run(0, 60);
        Assert.True(
            losses.Skip(50).Average() < losses.Take(5).Average() - 0.1, string.Join(' ', losses.Select(l => $"{l:0.00}")));
    }

    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16, slices")]
    [InlineData("bfloat16, replicas")]
    public void AResumedRunTakesTheSameSteps(string mode)
    {
        using var whole = Setup.Of(mode);
        var expected = whole.Run(0, 12);

        using var first = Setup.Of(mode);
        var losses = first.Run(0, 5);
        using var saved = StateArchive.Saving();
        saved.Part("run", first.Trainer);
        using var second = Setup.Of(mode);
        var loading = StateArchive.Loading(saved.Entries, "saved"); // the tensors stay those of the archive they were saved to
        loading.Part("run", second.Trainer);
        Assert.Empty(loading.Unclaimed);
        losses.AddRange(second.Run(5, 12));

        Assert.Equal(expected, losses);
        var (a, b) = (whole.Method.Encoder.Parameters.Values, second.Method.Encoder.Parameters.Values);
        Assert.True(a.equal(b).all().item<bool>());
    }

    [Fact]
    public void EmbedAndCompareChangeNothingButBatchNormStatistics()
    {
        using var setup = new Setup();
        var before = setup.State();
        using (NewDisposeScope())
        using (var batch = setup.Loader.From(0, 1, CancellationToken.None).First())
        {
            var embeddings = new Embeddings(setup.Method.Embed(setup.Method.Encoder, batch), setup.Method.Target(batch));
            Assert.All(embeddings.Learned, e => Assert.True(e.norm(1).allclose(ones(e.shape[0]))));
            _ = setup.Method.Compare(batch, embeddings);
        }

        var after = setup.State();
        var changed = before.Keys.Where(k => before[k] != after[k]).ToArray();
        Assert.NotEmpty(changed);
        Assert.All(changed, k => Assert.Matches("running_mean|running_var|num_batches_tracked", k));
    }

    [Fact]
    public void ALongGradientIsClipped()
    {
        using var clipped = new Setup(clip: 1e-3);
        using var free = new Setup();
        Assert.Equal(free.Run(0, 1), clipped.Run(0, 1)); // the loss is from before the update
        Assert.Equal(1e-3, clipped.Method.Encoder.Parameters.GradientNorm(), 1e-5);
        Assert.True(free.Method.Encoder.Parameters.GradientNorm() > 0.01);
    }

    private static double ResidentMegabytes()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64 / 1e6;
    }

    private sealed class Setup : IDisposable
    {
        private readonly Sgd _optimizer;
        private readonly IEmbedder _embedder;

        public Setup(double? clip = null, Compute? compute = null, int? sliceSize = null, int replicas = 1)
        {
            compute ??= Computing.Cpu;
            var images = new MadeUpImages(64, 16);
            var options = new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = 8 } };
            Method = new SimClr(
                new SimClrOptions { Temperature = 0.2 },
                new MethodContext(parts => Encoder.Create(options, 3, compute, parts), images.Count, Communicator.Single));
            _embedder = replicas > 1
                ? new ReplicaGroup(Method, replicas, replicas, compute)
                : sliceSize is { } size ? new EmbeddingCache(Method, size, compute) : new WholeBatch(Method, compute);
            _optimizer = new Sgd(new SgdOptions { Momentum = 0.9 }, Method.Encoder.Parameters);
            Trainer = new Trainer(
                Method,
                _optimizer,
                new ConstantSchedule(new ConstantOptions { LearningRate = 0.05 }, new ScheduleSpan(2000, 8)),
                Communicator.Single,
                _embedder,
                CPU,
                clip);
            var view = new ViewPipeline(
                new RandomResizedCrop(new RandomResizedCropOptions { Size = 8, Scale = [0.5, 1] }),
                new HorizontalFlip(new HorizontalFlipOptions()));
            Loader = new ViewLoader(
                images,
                new ShuffledBatches(3, images, 8),
                [view, view],
                new ViewLoaderOptions { Seed = 3, Workers = 2, Format = compute.Views },
                new UnreadableImages());
        }

        /// <summary>One that computes in the ways that are named.</summary>
        public static Setup Of(string mode) => new(
            compute: new Compute(
                CPU, mode.Contains("bfloat16") ? Precision.Bfloat16 : Precision.Float32, !mode.Contains("planes"), mode.Contains("recomputing")),
            sliceSize: mode.Contains("slices") ? 3 : null,
            replicas: mode.Contains("replicas") ? 2 : 1);

        public SimClr Method { get; }

        public Trainer Trainer { get; }

        public ViewLoader Loader { get; }

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
}

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Mining;
using SelfSup.Models;
using SelfSup.Objectives;
using SelfSup.Optimization;
using SelfSup.Recipes;
using SelfSup.Tests.Support;
using SelfSup.Training;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Objectives;

/// <summary>What every objective of the catalogue promises inside the method, with a memory where it compares embeddings.</summary>
public sealed class ObjectiveConformanceTests
{
    private const int Classes = 3;
    private const int Images = 12;
    private const int Views = 2;
    private const int Side = 4;

    private static readonly CatalogSet _catalogs = new RecipeReader().Catalogs;
    private static readonly Lock _initialising = new();

    public static TheoryData<string> Names => [.. _catalogs.Of<Objective>().Names];

    /// <summary>What miners choose is the same on any number of ranks too.</summary>
    public static TheoryData<string> NamesAndMiners =>
        [.. _catalogs.Of<Objective>().Names, .. _catalogs.Of<IMiner>().Names.Select(miner => $"triplet {miner}")];

    [Theory]
    [MemberData(nameof(Names))]
    public void DefaultsAreValid(string name) => RecipeBinder.Require(Defaults<Objective>(name), name);

    [Theory]
    [MemberData(nameof(NamesAndMiners))]
    public void TwoRanksOnHalfBatchesAreOneRank(string name)
    {
        using var scope = NewDisposeScope();
        var expected = new List<(double Loss, Tensor Gradient)>();
        var (stored, facts) = ((Dictionary<string, Tensor>?)null, Array.Empty<(string, double)>());
        using (var method = Create(name, Communicator.Single))
        {
            for (var step = 0; step < 3; step++)
            {
                expected.Add(Step(method, Batch(step), Communicator.Single));
            }

            (stored, facts) = (Stored(method), Facts(method, Batch(9)));
            Assert.All(facts, fact => Assert.True(double.IsFinite(fact.Item2)));
        }

        var losses = new double[2, 3];
        ThreadRanks.Run(2, ranks =>
        {
            using var method = Create(name, ranks);
            for (var step = 0; step < 3; step++)
            {
                var (loss, gradient) = Step(method, Part(Batch(step), ranks), ranks);
                losses[ranks.Rank, step] = loss;
                Assert.InRange((gradient - expected[step].Gradient).abs().max().item<double>(), 0, 1e-9);
            }

            var state = Stored(method);
            Assert.Equal(stored.Keys.Order(), state.Keys.Order());
            Assert.All(state, s => Assert.InRange((s.Value - stored[s.Key]).abs().max().to(float64).item<double>(), 0, 1e-9));
            var own = Facts(method, Part(Batch(9), ranks));
            Assert.Equal(facts.Select(f => f.Item1), own.Select(f => f.Item1));
            Assert.All(facts.Zip(own), f => Assert.Equal(f.First.Item2, f.Second.Item2, 1e-9));
        });
        for (var step = 0; step < 3; step++)
        {
            Assert.Equal(expected[step].Loss, (losses[0, step] + losses[1, step]) / 2, 1e-9);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SlicesHaveTheGradientOfTheWholeBatch(string name)
    {
        using var scope = NewDisposeScope();
        using var method = Create(name, Communicator.Single);
        var batch = Batch(1);
        var (expectedLoss, expected) = Step(method, batch, Communicator.Single, commit: false);
        Assert.True(expected.norm().item<double>() > 1e-6);
        foreach (var size in new[] { 2, 5, 11 })
        {
            var (loss, gradient) = Step(
                method, batch, Communicator.Single, new EmbeddingCache(method, size, Computing.Cpu), commit: false);
            Assert.Equal(expectedLoss, loss, 1e-11);
            Assert.InRange((gradient - expected).abs().max().item<double>(), 0, 1e-9);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AResumedRunTakesTheSameStepsAndNoTensorOutlivesItsStep(string name)
    {
        using var whole = new Run(name);
        var expected = Enumerable.Range(0, 8).Select(whole.Step).ToArray();
        Assert.All(expected, loss => Assert.True(double.IsFinite(loss)));

        using var first = new Run(name);
        for (var step = 0; step < 4; step++)
        {
            Assert.Equal(expected[step], first.Step(step));
        }

        using var saved = StateArchive.Saving();
        saved.Part("run", first.Trainer);
        using var second = new Run(name);
        var loading = StateArchive.Loading(saved.Entries, "saved"); // the tensors stay those of the archive they were saved to
        loading.Part("run", second.Trainer);
        Assert.Empty(loading.Unclaimed);
        for (var step = 4; step < 8; step++)
        {
            Assert.Equal(expected[step], second.Step(step));
        }

        var before = Tensor.TotalCount;
        for (var step = 8; step < 14; step++)
        {
            second.Step(step);
        }

        Assert.InRange(Tensor.TotalCount, 0, before);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NothingIsInfiniteWhereThereIsLittleToCompare(string name)
    {
        using var scope = NewDisposeScope();
        using var method = Create(name, Communicator.Single);
        var usual = Batch(0);
        var same = usual.Views[0].narrow(0, 0, 1).expand(Images, 3, Side, Side).contiguous();
        foreach (var (labels, views) in new[]
        {
            (zeros(Images, int64), usual.Views), // one class
            (usual.Labels, [same, same]), // equal embeddings
            (zeros(Images, int64), [same, same]),
            (tensor(new long[] { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 }), usual.Views), // classes with one image
        })
        {
            var (loss, gradient) = Step(method, new ViewBatch(0, 0, usual.Samples, labels, [.. views]), Communicator.Single);
            Assert.True(double.IsFinite(loss));
            Assert.True(gradient.isfinite().all().item<bool>());
        }
    }

    /// <summary>The defaults, with a miner where one is named.</summary>
    private static Choice Loss(string name)
    {
        var (loss, miner) = name.Split(' ') is [var first, var second] ? (first, second) : (name, null);
        var options = Defaults<Objective>(loss);
        if (miner is not null)
        {
            ((TripletOptions)options).Miner = new Choice(miner, Defaults<IMiner>(miner));
        }

        return new Choice(loss, options);
    }

    private static object Defaults<T>(string name)
        where T : class => Activator.CreateInstance(_catalogs.Of<T>().OptionsType(name))!;

    private static bool ComparesEmbeddings(Choice loss) =>
        _catalogs.Create<Objective>(loss, new ObjectiveContext(Classes, 1) { Catalogs = _catalogs }).ComparesEmbeddings;

    private static MetricLearning Create(string name, Communicator ranks, ScalarType type = ScalarType.Float64)
    {
        var loss = Loss(name);
        lock (_initialising) // initial weights are drawn from the process's generator
        {
            return new MetricLearning(
                new MetricLearningOptions
                {
                    Loss = loss,
                    Views = Views,
                    Memory = ComparesEmbeddings(loss) ? (Images * Views) + 10 : 0,
                    MemoryAfterSteps = 1,
                    MemoryWeight = 0.5,
                },
                new MethodContext(parts => NewEncoder(type, parts), Images, ranks)
                {
                    GlobalBatchSize = Images,
                    Classes = Classes,
                    Catalogs = _catalogs,
                });
        }
    }

    private static Encoder NewEncoder(ScalarType type, EncoderParts? parts)
    {
        _ = random.manual_seed(1);
        var backbone = nn.Sequential(nn.Flatten(), nn.Linear(3 * Side * Side, 16), nn.Tanh());
        var head = nn.Linear(16, 6);
        return new Encoder(backbone.to(type), head.to(type), new EncoderWidths(16, 6), parts);
    }

    private static (double Loss, Tensor Gradient) Step(
        MetricLearning method, ViewBatch batch, Communicator ranks, IEmbedder? embedder = null, bool commit = true)
    {
        using var own = embedder ?? new WholeBatch(method, Computing.Cpu);
        method.Encoder.Parameters.Gradients.zero_();
        var embeddings = own.Embed(batch);
        var loss = method.Compare(batch, embeddings);
        own.Backward(loss);
        ranks.AllReduceMean(method.Encoder.Parameters.Gradients);
        if (commit)
        {
            method.Commit(batch, embeddings);
        }

        return (loss.to(float64).item<double>(), method.Encoder.Parameters.Gradients.clone());
    }

    private static (string, double)[] Facts(MetricLearning method, ViewBatch batch)
    {
        using var _ = no_grad();
        return [.. method.Facts(batch, new Embeddings(method.Embed(method.Encoder, batch), []), loss: 1)];
    }

    private static Dictionary<string, Tensor> Stored(MetricLearning method)
    {
        var archive = StateArchive.Saving(); // its tensors end with the scope
        method.Exchange(archive);
        return archive.Entries.Where(e => e.Key.StartsWith("memory.", StringComparison.Ordinal))
            .ToDictionary(e => e.Key, e => e.Value.MoveToOuterDisposeScope());
    }

    private static ViewBatch Part(ViewBatch batch, Communicator ranks)
    {
        var part = batch.Parts(ranks.Ranks)[ranks.Rank];
        return new ViewBatch(part.Step, part.Epoch, part.Samples, part.Labels, part.Views);
    }

    private static ViewBatch Batch(long step, ScalarType type = ScalarType.Float64) => new(
        step, 0, arange(Images), ((arange(Images) * 5) + step).remainder(Classes),
        [.. Enumerable.Range(0, Views).Select(v => Numbers.Normal(Images, 3, Side, Side).roll(v + step, 0).to(type) + (0.1 * v))]);

    /// <summary>A run with an optimizer, in float32.</summary>
    private sealed class Run : IDisposable
    {
        private readonly MetricLearning _method;
        private readonly Sgd _optimizer;
        private readonly WholeBatch _embedder;

        public Run(string name)
        {
            _method = Create(name, Communicator.Single, ScalarType.Float32);
            _optimizer = new Sgd(new SgdOptions { Momentum = 0.9 }, _method.Encoder.Parameters);
            _embedder = new WholeBatch(_method, Computing.Cpu);
            Trainer = new Trainer(
                _method,
                _optimizer,
                new ConstantSchedule(new ConstantOptions { LearningRate = 0.01 }, new ScheduleSpan(100, 1)),
                Communicator.Single,
                _embedder,
                CPU,
                new TrainerOptions(null));
        }

        public Trainer Trainer { get; }

        public double Step(int step)
        {
            using var scope = NewDisposeScope();
            return Trainer.Step(Batch(step, ScalarType.Float32)).Loss;
        }

        public void Dispose()
        {
            _embedder.Dispose();
            _optimizer.Dispose();
            _method.Dispose();
        }
    }
}

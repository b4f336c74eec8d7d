using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Training;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>
/// A small training in float64 with batch normalisation, whose images are a function of step and row: ranks that have parts of
/// its batches must end where one does that has them whole.
/// </summary>
internal sealed class ToyRun : IDisposable
{
    private const int Images = 24; // M
    private const int Batch = 12; // divisible by 2, 3 and 4

    private static readonly Lock _initialising = new();

    private readonly Trainer _trainer;
    private readonly IOptimizer _optimizer;
    private readonly WholeBatch _embedder;
    private readonly Communicator _ranks;

    /// <summary>Puts it together.</summary>
    /// <param name="name">The method, as recipes name it.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="syncBatchNorm">Whether they normalise together.</param>
    /// <param name="set">Changes the method's options, or null.</param>
    public ToyRun(string name, Communicator ranks, bool syncBatchNorm = true, Action<object>? set = null)
    {
        _ranks = ranks;
        var catalogue = new RecipeReader().Methods;
        var options = Activator.CreateInstance(catalogue.OptionsType(name))!;
        switch (options)
        {
            case MoCoOptions moco:
                moco.QueueLength = 2 * Batch;
                break;
            case SwAvOptions swav:
                swav.Prototypes = 16;
                swav.QueueLength = 2 * Batch;
                break;
            case InstanceDiscriminationOptions discrimination:
                discrimination.Negatives = 16;
                break;
        }

        set?.Invoke(options);
        lock (_initialising) // initial weights are drawn from the process's generator
        {
            Method = catalogue.Create(name, options, new MethodContext(NewEncoder, Images, ranks)
            {
                GlobalBatchSize = Batch,
                Classes = 3,
                SyncBatchNorm = syncBatchNorm,
                Tuples = TestTuples.Of(Images, Batch),
            });
        }

        _optimizer = new Sgd(new SgdOptions { Momentum = 0.9, WeightDecay = 1e-4 }, Method.Encoder.Parameters);
        _embedder = new WholeBatch(Method, new Compute(CPU, Precision.Float32));
        _trainer = new Trainer(
            Method,
            _optimizer,
            new ConstantSchedule(new ConstantOptions { LearningRate = 0.001 }, new ScheduleSpan(100, 2)),
            ranks,
            _embedder,
            CPU,
            new TrainerOptions(LookEverySteps: 10, CompareRanksEverySteps: 5));
        _trainer.Replicas.Equalise();
    }

    /// <summary>What is learned.</summary>
    public Method Method { get; }

    /// <summary>Weights and running statistics of all encoders, one after the other.</summary>
    public Tensor State
    {
        get
        {
            using var _ = no_grad();
            return cat([.. Method.Encoders.SelectMany(encoder => encoder.State).Select(state => state.Value.detach().to(float64).reshape(-1))]);
        }
    }

    /// <summary>Takes so many steps.</summary>
    /// <returns>The loss of each.</returns>
    public double[] Train(int steps)
    {
        var losses = new double[steps];
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            using var batch = BatchOf(step);
            losses[step] = _trainer.Step(batch).Loss;
        }

        return losses;
    }

    public void Dispose()
    {
        BatchNormalisation.Exchange = null; // the thread is used for other things
        _embedder.Dispose();
        (_optimizer as IDisposable)?.Dispose();
        Method.Dispose();
    }

    private static Encoder NewEncoder(EncoderParts? parts)
    {
        _ = random.manual_seed(1);
        var backbone = new ResNet(ResNetArchitecture.Find("resnet20", 0.25), Stem.Small);
        var head = new ProjectionHead(new HeadOptions { Output = 8 }, backbone.FeatureWidth);
        return new Encoder(backbone.to(float64), head.to(float64), new EncoderWidths(backbone.FeatureWidth, 8), parts);
    }

    /// <summary>This rank's rows of a step's batch.</summary>
    private ViewBatch BatchOf(int step)
    {
        using var generator = new Generator((ulong)step + 1);
        var first = Batch / _ranks.Ranks * _ranks.Rank;
        Tensor Own(Tensor whole) => whole.narrow(0, first, Batch / _ranks.Ranks).contiguous();
        var samples = TestTuples.Samples(Method, Images, step, (arange(Batch) * 5 + step).remainder(Images));
        return new ViewBatch(
            step,
            step / 2,
            Own(samples),
            Own(samples.remainder(3)),
            [.. Enumerable.Range(0, Method.Views).Select(_ => Own(randn([Batch, 3, 16, 16], float64, generator: generator)))]);
    }
}

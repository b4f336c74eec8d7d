using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Tests.Support;
using SelfSup.Training;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>
/// Two ranks with half of the batch each compute what one rank computes with all of it, and remember the same. In float64,
/// and without BatchNorm's statistics, which every rank has of its own.
/// </summary>
public sealed class RanksTests
{
    private const int Images = 8;

    private static readonly Lock _initialising = new();

    public static TheoryData<string> Names => [.. new RecipeReader().Methods.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void TwoRanksOnHalfBatchesAreOneRank(string name)
    {
        var (expectedLoss, expectedGradient, expectedState) = (0.0, (Tensor?)null, (Dictionary<string, Tensor>?)null);
        using var scope = NewDisposeScope();
        {
            using var method = Create(name, Communicator.Single);
            (expectedLoss, expectedGradient) = Step(method, Batch(method.Views), Communicator.Single);
            expectedState = State(method);
        }

        var losses = new double[2];
        ThreadRanks.Run(2, ranks =>
        {
            using var method = Create(name, ranks);
            var (loss, gradient) = Step(method, Half(Batch(method.Views), ranks.Rank), ranks);
            losses[ranks.Rank] = loss;
            Assert.InRange((gradient - expectedGradient!).abs().max().to(float64).item<double>(), 0, 1e-9);
            var state = State(method);
            Assert.Equal(expectedState.Keys, state.Keys);
            foreach (var (key, value) in state)
            {
                var difference = (value - expectedState[key]).abs().max().to(float64).item<double>();
                Assert.True(difference < 1e-9, $"{key} differs by {difference:g3}");
            }
        });
        Assert.Equal(expectedLoss, losses.Average(), 1e-9);
    }

    /// <summary>One step without an optimizer: gradients, and what is remembered.</summary>
    private static (double Loss, Tensor Gradient) Step(Method method, ViewBatch batch, Communicator ranks)
    {
        foreach (var encoder in method.Encoders)
        {
            encoder.eval();
        }

        var embedder = new WholeBatch(method, new Compute(CPU, Precision.Float32));
        method.Encoder.Parameters.Gradients.zero_();
        var embeddings = embedder.Embed(batch);
        var loss = method.Compare(batch, embeddings);
        embedder.Backward(loss);
        ranks.AllReduceMean(method.Encoder.Parameters.Gradients);
        var gradient = method.Encoder.Parameters.Gradients.clone();
        method.Adjust(batch);
        method.Commit(batch, embeddings);
        return (loss.to(float64).item<double>(), gradient);
    }

    private static Dictionary<string, Tensor> State(Method method)
    {
        var archive = StateArchive.Saving(); // its tensors end with the scope
        method.Exchange(archive);
        return archive.Entries.Where(e => !e.Key.StartsWith("encoder.", StringComparison.Ordinal))
            .ToDictionary(e => e.Key, e => e.Value.MoveToOuterDisposeScope());
    }

    private static Method Create(string name, Communicator ranks)
    {
        var methods = new RecipeReader().Methods;
        var options = Activator.CreateInstance(methods.OptionsType(name))!;
        if (options is SwAvOptions swav)
        {
            swav.QueueLength = 2 * Images; // its queues are everyone's too
        }

        lock (_initialising) // initial weights are drawn from the process's generator
        {
            return methods.Create(
                name, options, new MethodContext(NewEncoder, 100, ranks) { GlobalBatchSize = Images });
        }
    }

    private static Encoder NewEncoder(EncoderParts? parts)
    {
        _ = random.manual_seed(1);
        var backbone = new ResNet(ResNetArchitecture.Find("resnet20", 0.25), Stem.Small);
        var head = new ProjectionHead(new HeadOptions { Output = 8 }, backbone.FeatureWidth);
        return new Encoder(backbone.to(float64), head.to(float64), new EncoderWidths(backbone.FeatureWidth, 8), parts);
    }

    /// <summary>A rank's batch, of which it knows nothing but its own images.</summary>
    private static ViewBatch Half(ViewBatch batch, int rank)
    {
        var half = batch.Parts(2)[rank];
        return new ViewBatch(half.Step, half.Epoch, half.Samples, half.Labels, half.Views);
    }

    private static ViewBatch Batch(int views) => new(
        3, 0, arange(Images), arange(Images).remainder(3),
        [.. Enumerable.Range(0, views).Select(v => Numbers.Normal(Images, 3, 16, 16).roll(v, 0).to(float64) + (0.1 * v))]);
}

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
/// Ranks with a part of the batch each compute what one rank computes with all of it, and remember the same. In float64, and
/// without BatchNorm's statistics, which every rank has of its own.
/// </summary>
public sealed class RanksTests
{
    /// <summary>Of the data set.</summary>
    private const int Images = 100;

    private static readonly Lock _initialising = new();

    public static TheoryData<string> Names => [.. new RecipeReader().Methods.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void TwoRanksOnHalfBatchesAreOneRank(string name) => RanksAreOneRank(2, name, () => Options(name), 1e-9);

    /// <summary>One hundred slots, in parts of 50, or of 33 and 34.</summary>
    [Theory]
    [InlineData(2, "pirl")]
    [InlineData(3, "pirl")]
    [InlineData(2, "nce")]
    [InlineData(3, "nce")]
    [InlineData(2, "softmax")]
    [InlineData(3, "softmax")]
    [InlineData(4, "softmax")]
    public void RanksWithAPartOfTheBankAreOneRankWithAll(int ranks, string loss) => RanksAreOneRank(
        ranks,
        loss == "pirl" ? "pirl" : "instanceDiscrimination",
        () => loss switch
        {
            "pirl" => new PirlOptions { Negatives = 40, ShardBank = true },
            "nce" => new InstanceDiscriminationOptions { Negatives = 40, Proximal = 0.5, ShardBank = true },
            _ => new InstanceDiscriminationOptions { Loss = InstanceLoss.Softmax, Proximal = 0.5, ShardBank = true },
        },
        1e-10);

    /// <summary>Three steps: loss and gradient of each, and what is remembered after the last.</summary>
    private static void RanksAreOneRank(int count, string name, Func<object> options, double tolerance)
    {
        var images = count * 4;
        var (expected, expectedState, expectedFacts) = (new List<(double Loss, Tensor Gradient)>(), (Dictionary<string, Tensor>?)null, Array.Empty<(string, double)>());
        using var scope = NewDisposeScope();
        {
            using var method = Create(name, options(), images, Communicator.Single);
            for (var step = 3; step < 6; step++)
            {
                expected.Add(Step(method, Batch(method, step, images), Communicator.Single));
            }

            expectedState = State(method, Communicator.Single);
            expectedFacts = Facts(method, images);
        }

        var losses = new double[count, expected.Count];
        ThreadRanks.Run(count, ranks =>
        {
            using var method = Create(name, options(), images, ranks);
            for (var step = 0; step < expected.Count; step++)
            {
                var (loss, gradient) = Step(method, Part(Batch(method, step + 3, images), ranks), ranks);
                losses[ranks.Rank, step] = loss;
                Assert.InRange((gradient - expected[step].Gradient).abs().max().to(float64).item<double>(), 0, tolerance);
            }

            Assert.Equal(expectedFacts, Facts(method, images));
            var state = State(method, ranks);
            Assert.Equal(expectedState.Keys.Order(), state.Keys.Order());
            foreach (var (key, value) in state)
            {
                var difference = (value - expectedState[key]).abs().max().to(float64).item<double>();
                difference /= Math.Max(1, expectedState[key].abs().max().to(float64).item<double>());
                Assert.True(difference < tolerance, $"{key} differs by {difference:g3}");
            }
        });
        for (var step = 0; step < expected.Count; step++)
        {
            Assert.Equal(expected[step].Loss, Enumerable.Range(0, count).Average(rank => losses[rank, step]), tolerance);
        }
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

    /// <summary>What is remembered, put together where every rank has a part of it.</summary>
    private static Dictionary<string, Tensor> State(Method method, Communicator ranks)
    {
        var archive = StateArchive.Saving(); // its tensors end with the scope
        method.Exchange(archive);
        var state = archive.Entries.Where(e => !e.Key.StartsWith("encoder.", StringComparison.Ordinal))
            .ToDictionary(e => e.Key, e => e.Value.MoveToOuterDisposeScope());
        foreach (var (name, shard) in archive.Shards.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            Assert.InRange(shard.Rows.shape[0], 1, ((Images - 1) / ranks.Ranks) + 1); // nobody has all
            long[] shape = [.. shard.Rows.shape];
            shape[0] = shard.AllRows;
            var whole = zeros(shape, float64);
            whole.narrow(0, shard.FirstRow, shard.Rows.shape[0]).copy_(shard.Rows);
            ranks.AllReduce(whole, Reduction.Sum);
            state.Add(name, whole.to(shard.Rows.dtype));
        }

        return state;
    }

    private static (string, double)[] Facts(Method method, int images) =>
        method is InstanceDiscrimination or Pirl ? [.. method.Facts(Batch(method, 7, images), new Embeddings([], []), loss: 1)] : [];

    private static object Options(string name)
    {
        var options = Activator.CreateInstance(new RecipeReader().Methods.OptionsType(name))!;
        if (options is SwAvOptions swav)
        {
            swav.QueueLength = 16; // its queues are everyone's too
        }

        return options;
    }

    private static Method Create(string name, object options, int images, Communicator ranks)
    {
        lock (_initialising) // initial weights are drawn from the process's generator
        {
            return new RecipeReader().Methods.Create(
                name, options, new MethodContext(NewEncoder, Images, ranks) { GlobalBatchSize = images, Classes = 3, Tuples = TestTuples.Of(Images, images) });
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
    private static ViewBatch Part(ViewBatch batch, Communicator ranks)
    {
        var part = batch.Parts(ranks.Ranks)[ranks.Rank];
        return new ViewBatch(part.Step, part.Epoch, part.Samples, part.Labels, part.Views);
    }

    /// <summary>Images from all over the data set.</summary>
    private static ViewBatch Batch(Method method, long step, int images) => new(
        step, 0, TestTuples.Samples(method, Images, step, (arange(images) * 23).add(step * 7).remainder(Images)), arange(images).remainder(3),
        [.. Enumerable.Range(0, method.Views).Select(v => Numbers.Normal(images, 3, 16, 16).roll(v + step, 0).to(float64) + (0.1 * v))]);
}

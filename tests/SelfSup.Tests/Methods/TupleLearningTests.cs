using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Objectives;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Tests.Objectives;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

public sealed class TupleLearningTests
{
    private const int Width = 4;

    [Theory]
    [MemberData(nameof(TupleObjectiveTests.Cases), MemberType = typeof(TupleObjectiveTests))]
    public void RanksWithAPartOfTheTuplesAreOneRankWithAll(string loss, string list)
    {
        using var scope = NewDisposeScope();
        var tuples = List(list);
        const int Tuples = 6;
        var batchSize = Tuples * tuples.Width;
        var embeddings = Numbers.Normal(batchSize, Width).to(float64) * 0.6;
        var (expectedLoss, expected) = Step(Create(loss, tuples, batchSize, Communicator.Single), Samples(tuples, batchSize), embeddings);
        Assert.True(expected.abs().max().item<double>() > 1e-6);
        foreach (var count in (int[])[2, 3])
        {
            ThreadRanks.Run(count, ranks =>
            {
                var (rows, first) = (batchSize / count, batchSize / count * ranks.Rank);
                var (actualLoss, gradient) = Step(
                    Create(loss, tuples, batchSize, ranks), Samples(tuples, batchSize).narrow(0, first, rows).clone(), embeddings.narrow(0, first, rows));
                Assert.Equal(expectedLoss, actualLoss, 1e-12);
                // Gradients of weights are averaged over ranks.
                Assert.InRange((gradient / count - expected.narrow(0, first, rows)).abs().max().item<double>(), 0, 1e-12);
            });
        }
    }

    [Fact]
    public void ATupleOneOfWhoseImagesCouldNotBeReadDoesNotCount()
    {
        using var scope = NewDisposeScope();
        var tuples = List("pairs");
        var embeddings = Numbers.Normal(12, Width).to(float64) * 0.6;
        var samples = Samples(tuples, 12);
        samples[5] = 99; // the positive of the third pair
        var method = Create("contrastive", tuples, 12, Communicator.Single);
        var (loss, gradient) = Step(method, samples, embeddings);
        Assert.Equal(0, gradient.narrow(0, 4, 2).abs().sum().item<double>());
        Assert.All(Enumerable.Range(0, 6).Where(i => i != 2), i => Assert.NotEqual(0, gradient.narrow(0, 2 * i, 2).abs().sum().item<double>()));
        // All are alike, so each pair costs half of its squared distance.
        var squares = (embeddings.view(6, 2, Width).select(1, 0) - embeddings.view(6, 2, Width).select(1, 1)).square().sum(dim: 1).data<double>().ToArray();
        Assert.Equal(Enumerable.Range(0, 6).Where(i => i != 2).Average(i => squares[i] / 2), loss, 1e-12);
        Assert.Contains(("tuplesLeftOut", 1.0), method.Facts(Batch(samples), new Embeddings([embeddings], []), loss));

        var none = Step(method, zeros(12, int64), embeddings);
        Assert.Equal(0, none.Loss);
        Assert.Equal(0, none.Gradient.abs().sum().item<double>());
    }

    [Fact]
    public void PositivesAreTheCandidatesWithTheHighestScore()
    {
        using var scope = NewDisposeScope();
        var tuples = List("lists");
        var method = Create("listNet", tuples, 8, Communicator.Single);
        var embeddings = arange(8).to(float64).unsqueeze(1).repeat(1, Width);
        var (first, second) = method.Positives(Batch(Samples(tuples, 8)), new Embeddings([embeddings], []));
        Assert.Equal([0.0, 4.0], first.select(1, 0).data<double>().ToArray());
        var rows = new TupleBatches(3, tuples, 8).Rows(0).ToArray();
        double[] best = [.. rows.Chunk(3).Select((own, tuple) => (4.0 * tuple) + 1 + Array.IndexOf(own, own.MaxBy(tuples.Score)))];
        Assert.Equal(best, second.select(1, 0).data<double>().ToArray());
    }

    [Fact]
    public void RanksHaveAsManyPositivesWhateverTheScores()
    {
        using var scope = NewDisposeScope();
        // Only the first of all rows is similar.
        int[] rows = [.. Enumerable.Range(0, 24)];
        var tuples = new TupleList([.. rows], [.. rows.Select(row => 30 + row)], [], [.. rows.Select(row => row == 0 ? 1.0 : 0.0)]);
        var anchor = new TupleBatches(3, tuples, 48).Rows(0).ToArray().IndexOf(0);
        var embeddings = arange(48).to(float64).unsqueeze(1).repeat(1, Width);
        foreach (var count in (int[])[1, 2, 3])
        {
            ThreadRanks.Run(count, ranks =>
            {
                var (share, start) = (48 / count, 48 / count * ranks.Rank);
                using var method = Create("contrastive", tuples, 48, ranks);
                var batch = Batch(Samples(tuples, 48).narrow(0, start, share).clone());
                var (first, second) = method.Positives(batch, new Embeddings([embeddings.narrow(0, start, share)], []));
                double[] expected = [.. Enumerable.Range(start / 2, share / 2).Select(tuple => 2.0 * tuple)];
                Assert.Equal(expected, first.select(1, 0).data<double>().ToArray());
                Assert.Equal(expected.Select(row => row + (row == 2 * anchor ? 1 : 0)), second.select(1, 0).data<double>().ToArray());
                Assert.Null(method.ClassesOf(batch));
            });
        }
    }

    [Fact]
    public void WithoutAListThereIsNothingToLearnFrom()
    {
        var methods = new RecipeReader().Methods;
        var message = Assert.Throws<RecipeException>(() => methods.Create(
            "tupleLearning", new TupleLearningOptions(), new MethodContext(NewEncoder, 100, Communicator.Single))).Message;
        Assert.Equal("data.pairs: is not there, tupleLearning learns from listed pairs; name a list or another method", message);
    }

    [Fact]
    public void TheLossFalls()
    {
        // Classes take turns: the second neighbour is of the same class, the first is not.
        int[] images = [.. Enumerable.Range(0, 64)];
        var pairs = new TupleList(
            [.. images, .. images],
            [.. images.Select(i => (i + 2) % 64), .. images.Select(i => (i + 1) % 64)],
            [],
            [.. images.Select(_ => 1.0), .. images.Select(_ => 0.0)]);
        var settings = new TupleLearningOptions { Loss = new Choice("contrastive", new TupleContrastiveOptions()) };
        using var run = new SmallRun("tupleLearning", settings: settings, pairs: pairs);
        var losses = run.Run(0, 240);
        Assert.True(losses[^40..].Average() < 0.5 * losses[..40].Average(), $"from {losses[..40].Average()} to {losses[^40..].Average()}");
    }

    /// <summary>Lists of which each loss of <see cref="TupleObjectiveTests.Cases"/> takes one, with images that come several times.</summary>
    private static TupleList List(string name)
    {
        int[] rows = [.. Enumerable.Range(0, 24)];
        return name switch
        {
            "pairs" => new([.. rows.Select(row => row % 9)], [.. rows.Select(row => 10 + (row % 7))], [], []),
            "triplets" => new([.. rows.Select(row => row % 9)], [.. rows.Select(row => 10 + (row % 7))], [.. rows.Select(row => 20 + (row % 5))], []),
            _ => new([.. rows.Select(row => row / 4)], [.. rows.Select(row => 30 + row)], [], [.. rows.Select(row => ((row * 7) % 11) + 0.5)], perTuple: 3),
        };
    }

    private static Tensor Samples(TupleList list, int batchSize)
    {
        var indices = new int[batchSize];
        _ = new TupleBatches(3, list, batchSize).Fill(0, indices);
        return tensor(indices).to(int64);
    }

    private static ViewBatch Batch(Tensor samples) => new(0, 0, samples, zeros_like(samples), []);

    private static (double Loss, Tensor Gradient) Step(Method method, Tensor samples, Tensor embeddings)
    {
        var learned = embeddings.clone().requires_grad_();
        var loss = method.Compare(Batch(samples), new Embeddings([learned], []));
        GuardedBackward.Run(loss);
        return (loss.item<double>(), learned.grad!);
    }

    private static Method Create(string loss, TupleList list, int batchSize, Communicator ranks)
    {
        var catalogs = new RecipeReader().Catalogs;
        var options = Activator.CreateInstance(catalogs.Of<TupleObjective>().OptionsType(loss))!;
        return catalogs.Of<Method>().Create(
            "tupleLearning",
            new TupleLearningOptions { Loss = new Choice(loss, options) },
            new MethodContext(NewEncoder, 100, ranks) { GlobalBatchSize = batchSize, Tuples = new TupleBatches(3, list, batchSize) });
    }

    private static Encoder NewEncoder(EncoderParts? parts) => Encoder.Create(
        new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = Width } }, 3, Computing.Cpu, parts);
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Objectives;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>What is special to metric learning; each loss inside it is <see cref="Tests.Objectives.ObjectiveConformanceTests"/>.</summary>
public sealed class MetricLearningTests
{
    private const int Images = 6;

    private static readonly Lock _initialising = new();

    [Fact]
    public void WithoutClassesItSaysSo()
    {
        var error = Assert.Throws<RecipeException>(() => new MetricLearning(new(), SmallMethods.Context(Images)));
        Assert.Contains("must have images of at least 2, has 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMemoryForProxiesIsAnError()
    {
        var error = Assert.Throws<RecipeException>(() => Create(new() { Memory = 100 }));
        Assert.Contains("method.memory: must be 0 with loss: normalisedSoftmax", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMemoryHoldsAStepAtLeast()
    {
        var error = Assert.Throws<RecipeException>(() => Create(new() { Memory = 11, Views = 2, Loss = Toy() }));
        Assert.Contains("must be at least the 12 embeddings of a step, is 11", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 0, 1, 0, 2, 0, 1 }, new long[] { 2, 5, 4, 3, 0, 1 })]
    [InlineData(new long[] { -1, 0, -1, 0 }, new long[] { 0, 3, 2, 1 })]
    [InlineData(new long[] { 7 }, new long[] { 0 })]
    [InlineData(new long[] { }, new long[] { })]
    public void APositiveIsTheNextOfTheClass(long[] labels, long[] expected) => Assert.Equal(expected, OneView.NextOfClass(labels));

    [Fact]
    public void WithOneViewPositivesAreOfOneClass()
    {
        using var scope = NewDisposeScope();
        using var method = Create(new());
        var batch = Batch(0);
        var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
        var (first, second) = method.Positives(batch, embeddings);
        Assert.True(first.equal(embeddings.Learned[0]).all().item<bool>());
        Assert.True(second.equal(first.index_select(0, tensor(new long[] { 3, 4, 5, 0, 1, 2 }))).all().item<bool>());
    }

    /// <summary>The loss over the batch and, after some steps, the weighted one over what the memory will hold.</summary>
    [Fact]
    public void TheMemoryCountsFromItsStepOn()
    {
        using var scope = NewDisposeScope();
        using var method = Create(new() { Memory = 10, MemoryAfterSteps = 1, MemoryWeight = 0.25, Loss = Toy() });
        var held = new List<long>();
        for (var step = 0; step < 4; step++)
        {
            var batch = Batch(step);
            var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
            var loss = method.Compare(batch, embeddings).item<double>();
            method.Commit(batch, embeddings);
            var facts = method.Facts(batch, embeddings, loss).ToDictionary();
            Assert.Equal(Images, facts["references"]);
            Assert.Equal(step > 0, facts.ContainsKey("memoryReferences"));
            Assert.Equal(step > 0 ? Math.Min(10, Images * step) : 0, facts.GetValueOrDefault("memoryReferences"));
            held.Add((long)Math.Round((loss - Images) / 0.25)); // the toy says how many references there are
            Assert.Equal(step == 0 ? 0 : Math.Min(1, step * 0.6), method.Facts(batch, embeddings, loss).Single(f => f.Name == "memoryFilled").Value, 1e-12);
        }

        Assert.Equal([0, 6, 10, 10], held);
    }

    /// <summary>Pairs of a batch with past ones are counted, and none of an embedding with itself.</summary>
    [Fact]
    public void WhatTeachesBesideTheMemoryIsCounted()
    {
        using var scope = NewDisposeScope();
        using var method = Create(new() { Memory = 15, MemoryAfterSteps = 0, Loss = new("contrastive", new ContrastiveOptions { NegativeMargin = 2 }) });
        for (var step = 0; step < 4; step++)
        {
            var batch = Batch(step);
            var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
            _ = method.Compare(batch, embeddings);
            method.Commit(batch, embeddings);
            var facts = method.Facts(batch, embeddings, 1).ToDictionary();
            // Of a batch every class has 2; of the 15 held the batch's 6, the 6 before them and 3, one of each class.
            var ofClass = step switch { 0 => 2, 1 => 4, _ => 5 };
            Assert.Equal(Images, facts["minedPositivePairs"]);
            Assert.Equal(Images * (ofClass - 1), facts["memoryMinedPositivePairs"]);
            Assert.Equal(Images * 2 * ofClass, facts["memoryMinedNegativePairs"]);
        }
    }

    [Fact]
    public void FactsOfSinglesAreOfAllRanks()
    {
        using var scope = NewDisposeScope();
        var embeddings = nn.functional.normalize(Numbers.Normal(Images, 8).to(float64), dim: 1);
        var batch = Batch(0);
        double Similarity(Communicator ranks)
        {
            var (part, rows) = (batch.Parts(ranks.Ranks)[ranks.Rank], Images / ranks.Ranks);
            using var method = Create(new(), ranks);
            return method.Facts(part, new Embeddings([embeddings.narrow(0, rows * ranks.Rank, rows)], []), 1).Single(f => f.Name == "proxySimilarity").Value;
        }

        var expected = Similarity(Communicator.Single);
        ThreadRanks.Run(2, ranks => Assert.Equal(expected, Similarity(ranks), 1e-12));
    }

    [Fact]
    public void AStepGathersOnceAndEveryPartWorksByItself()
    {
        using var scope = NewDisposeScope();
        foreach (var compares in new[] { true, false })
        {
            var ranks = new CountingRanks();
            using var method = Create(new() { Memory = 12, MemoryAfterSteps = 0, Loss = new("contrastive", new ContrastiveOptions()) }, ranks);
            for (var step = 0; step < 3; step++)
            {
                var batch = Batch(step);
                var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
                ranks.Gathers = 0;
                if (compares)
                {
                    _ = method.Compare(batch, embeddings);
                    _ = method.Compare(batch, embeddings); // a step that is left out
                    Assert.Equal(4, ranks.Gathers); // embeddings and labels, each time
                    ranks.Gathers = 0;
                }

                method.Commit(batch, embeddings);
                Assert.Equal(compares ? 0 : 2, ranks.Gathers);
                Assert.NotEmpty(method.Facts(batch, embeddings, 1));
                Assert.Equal(compares ? 0 : 4, ranks.Gathers);
            }
        }
    }

    /// <summary>What is gone with the scope of an earlier step is gathered again.</summary>
    [Fact]
    public void WhatWasComparedEndsWithItsStep()
    {
        using var scope = NewDisposeScope();
        using var method = Create(new() { Loss = new("contrastive", new ContrastiveOptions()) });
        var batch = Batch(0);
        var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
        var before = Tensor.TotalCount;
        using (NewDisposeScope())
        {
            _ = method.Compare(batch, embeddings);
        }

        Assert.Equal(before, Tensor.TotalCount);
        Assert.NotEmpty(method.Facts(batch, embeddings, 1));
    }

    [Fact]
    public void TwoClassesMayLieOnALine()
    {
        using var scope = NewDisposeScope();
        using var three = Create(new());
        Assert.Equal(1.25, three.LeastEffectiveRank);
        var context = SmallMethods.Context(Images) with { Classes = 2 };
        foreach (var method in (Method[])
            [new MetricLearning(new(), context), new SupervisedContrastive(new(), context), new Classification(new(), context)])
        {
            using (method)
            {
                Assert.Equal(0, method.LeastEffectiveRank);
                Assert.True(method.ClassesOf(Batch(0))!.equal(Batch(0).Labels).all().item<bool>());
            }
        }
    }

    [Fact]
    public void SwapIsRefusedBeforeTheMemoryComesIntoUse()
    {
        var error = Assert.Throws<RecipeException>(
            () => Create(new() { Memory = 100, Loss = new("triplet", new TripletOptions { Swap = true }) }));
        Assert.Contains("method.loss.swap: is true, must be false with a memory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SettingsOfAMemoryNeedOne()
    {
        static IEnumerable<string> Refused(MetricLearningOptions options) =>
            options.Validate(new ValidationContext(options)).SelectMany(result => result.MemberNames);
        Assert.Equal([nameof(MetricLearningOptions.MemoryAfterSteps)], Refused(new() { MemoryAfterSteps = 1000 }));
        Assert.Equal([nameof(MetricLearningOptions.MemoryWeight)], Refused(new() { MemoryWeight = 1 }));
        Assert.Empty(Refused(new()));
        Assert.Empty(Refused(new() { Memory = 10, MemoryAfterSteps = 0, MemoryWeight = 2 }));
    }

    [Fact]
    public void ProxiesMultiplyAsLossesDo()
    {
        using var scope = NewDisposeScope();
        using var method = Create(new());
        var proxies = method.Encoder.Part<Proxies>(Proxies.Name);
        var x = Numbers.Normal(4, 8).to(proxies.Values.dtype);
        Assert.InRange((proxies.call(x) - x.mm(Proxies.Of(method.Encoder).t())).abs().max().to(float64).item<double>(), 0, 1e-12);
        Assert.True((proxies.call(x) - x.mm(proxies.Values.t())).abs().max().to(float64).item<double>() > 1e-3);
    }

    [Fact]
    public void SphereFaceTakesEmbeddingsOfAnyLength()
    {
        using var scope = NewDisposeScope();
        using var method = Create(new() { Loss = new("sphereFace", new SphereFaceOptions()) });
        var lengths = method.Embed(method.Encoder, Batch(0))[0].norm(1);
        Assert.True((lengths - 1).abs().min().item<double>() > 1e-3);
        using var unit = Create(new());
        Assert.InRange((unit.Embed(unit.Encoder, Batch(0))[0].norm(1) - 1).abs().max().item<double>(), 0, 1e-9);
    }

    [Fact]
    public void NamesThatAreNumbersAreValues()
    {
        Assert.Equal([1, -2.5, 300], MetricLearning.Values(["1", "-2.5", "3e2"])!);
        Assert.Null(MetricLearning.Values(["1", "two"]));
        Assert.Null(MetricLearning.Values(["1", "NaN"]));
        Assert.Null(MetricLearning.Values([]));
    }

    [Fact]
    public void LambdaFallsAsInTheAuthorsCode()
    {
        var options = new SphereFaceOptions();
        Assert.Equal(1000, options.LambdaAt(0));
        Assert.Equal(1000 / 13.0, options.LambdaAt(100), 1e-12);
        Assert.Equal(5, options.LambdaAt(1_000_000));
    }

    private static MetricLearning Create(MetricLearningOptions options, Communicator? ranks = null)
    {
        var catalogs = new CatalogSet(typeof(Method).Assembly);
        catalogs.Of<Objective>().Add("toy", typeof(ToyObjective));
        lock (_initialising) // initial weights are drawn from the process's generator
        {
            return new MetricLearning(
                options, SmallMethods.Context(Images) with { Classes = 3, Catalogs = catalogs, Communicator = ranks ?? Communicator.Single });
        }
    }

    private static Choice Toy() => new("toy", new ToyOptions());

    private static ViewBatch Batch(long step)
    {
        var batch = SmallMethods.Batch(Images, 8, step: step);
        return new ViewBatch(step, 0, batch.Samples, arange(Images).remainder(3), batch.Views);
    }

    /// <summary>A loss that is the number of references.</summary>
    private sealed class ToyObjective(ToyOptions options, ObjectiveContext context) : Objective
    {
        public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
        {
            Assert.NotNull(options);
            Assert.Equal(3, context.Classes);
            Assert.Equal(0, batch.FirstSelf);
            Assert.Equal(batch.References.shape[0], batch.ReferenceLabels.shape[0]);
            Assert.True(batch.References.narrow(0, 0, Images).equal(batch.Anchors).all().item<bool>());
            return (batch.Anchors.sum() * 0) + batch.References.shape[0];
        }

        public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
        {
            Assert.False(batch.Anchors.requires_grad);
            _ = Loss(batch, encoder);
            return [("references", batch.References.shape[0])];
        }
    }

    private sealed class ToyOptions;

    /// <summary>Two ranks, the other of which has the same; counts what is gathered.</summary>
    private sealed class CountingRanks : PretendedRanks
    {
        public int Gathers { get; set; }

        public override Tensor AllGather(Tensor local)
        {
            Gathers++;
            return cat([local, local]);
        }

        internal override PendingReduction BeginAllReduce(Tensor tensor, Reduction reduction) => PendingReduction.Done;
    }
}

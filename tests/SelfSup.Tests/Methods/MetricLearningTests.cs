using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Objectives;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>What is special to metric learning; each loss inside it is <see cref="Tests.Objectives.ObjectiveConformanceTests"/>.</summary>
public sealed class MetricLearningTests
{
    private const int Images = 6;

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
            held.Add((long)Math.Round((loss - Images) / 0.25)); // the toy says how many references there are
            Assert.Equal(step == 0 ? 0 : Math.Min(1, step * 0.6), method.Facts(batch, embeddings, loss).Single(f => f.Name == "memoryFilled").Value, 1e-12);
        }

        Assert.Equal([0, 6, 10, 10], held);
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

    private static MetricLearning Create(MetricLearningOptions options)
    {
        var catalogs = new CatalogSet(typeof(Method).Assembly);
        catalogs.Of<Objective>().Add("toy", typeof(ToyObjective));
        return new MetricLearning(options, SmallMethods.Context(Images) with { Classes = 3, Catalogs = catalogs });
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
    }

    private sealed class ToyOptions;
}

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.MetricLosses;
using SelfSup.Models;
using SelfSup.Objectives;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>Metric learning from numbers that belong to images.</summary>
public sealed class ValueLearningTests
{
    private const int Images = 20;
    private const int Width = 4;

    private static readonly long[] _samples = [3, 19, 0, 7, 8, 11, 5, 2];

    [Fact]
    public void DistancesOfTheBatchsOwnNumbersAreCompared()
    {
        using var scope = NewDisposeScope();
        var values = Numbers.Normal(Images, 2);
        var embeddings = Numbers.Normal(8, Width).to(float64);
        var own = values.index_select(0, tensor(_samples)).to(float64);
        static Tensor Squares(Tensor x) => (x.unsqueeze(1) - x.unsqueeze(0)).square().sum(dim: 2);
        var expected = LogRatio.Authors(Squares(embeddings), Squares(own), eye(8, dtype: @bool).logical_not(), Width).item<double>();
        var method = Create(values, Communicator.Single);
        Assert.False(method.NeedsLabels);
        Assert.Equal(expected, Step(method, tensor(_samples), embeddings).Loss, 1e-10);
        Assert.NotEqual(expected, Step(method, tensor(_samples).flip(0), embeddings).Loss, 1e-3);
    }

    [Fact]
    public void TwoRanksOnHalfBatchesAreOneRank()
    {
        using var scope = NewDisposeScope();
        var values = Numbers.Normal(Images, 2);
        var embeddings = Numbers.Normal(8, Width).to(float64);
        var (expectedLoss, expected) = Step(Create(values, Communicator.Single), tensor(_samples), embeddings);
        ThreadRanks.Run(2, ranks =>
        {
            var first = 4 * ranks.Rank;
            var (loss, gradient) = Step(Create(values, ranks), tensor(_samples[first..(first + 4)]), embeddings.narrow(0, first, 4));
            Assert.Equal(expectedLoss, loss, 1e-12);
            Assert.InRange((gradient / 2 - expected.narrow(0, first, 4)).abs().max().item<double>(), 0, 1e-12);
        });
    }

    [Fact]
    public void WhatCannotBeComparedIsRefused()
    {
        using var scope = NewDisposeScope();
        var values = Numbers.Normal(Images, 2);
        static string Refusal(Action act) => Assert.Throws<RecipeException>(act).Message;
        Assert.Contains(
            "method.memory: must be 0 with loss: logRatio of data.values, which are not remembered, is 64",
            Refusal(() => Create(values, Communicator.Single, memory: 64)), StringComparison.Ordinal);
        Assert.Contains(
            "method.loss.labels: is values, but data.values names none",
            Refusal(() => Create(null, Communicator.Single, classes: 3, labels: ClassLabel.Values)), StringComparison.Ordinal);
        Assert.Contains("must have images of at least 2, has 0", Refusal(() => Create(null, Communicator.Single)), StringComparison.Ordinal);
        Assert.Contains(
            "must have images of at least 2, has 0", Refusal(() => Create(values, Communicator.Single, labels: ClassLabel.Number)), StringComparison.Ordinal);
        Assert.Contains(
            "data.values: is there, but loss: logRatio compares classes and no values",
            Refusal(() => Create(values, Communicator.Single, classes: 3, labels: ClassLabel.Number)), StringComparison.Ordinal);
    }

    [Fact]
    public void AnImageWithoutClassIsItsOwnNeighbour()
    {
        using var scope = NewDisposeScope();
        using var method = Create(Numbers.Normal(Images, 2), Communicator.Single);
        var embeddings = Numbers.Normal(8, Width);
        var batch = new ViewBatch(0, 0, tensor(_samples), full([8], -1, int64), []);
        var (first, second) = method.Positives(batch, new Embeddings([embeddings], []));
        Assert.True(first.equal(second).all().item<bool>());
        Assert.Equal(1.25, method.LeastEffectiveRank);
        using var ofTwo = Create(Numbers.Normal(Images, 2), Communicator.Single, classes: 2);
        Assert.Equal(1.25, ofTwo.LeastEffectiveRank); // numbers are compared, not the two classes
    }

    private static (double Loss, Tensor Gradient) Step(Method method, Tensor samples, Tensor embeddings)
    {
        var learned = embeddings.clone().requires_grad_();
        var loss = method.Compare(new ViewBatch(0, 0, samples, full_like(samples, -1), []), new Embeddings([learned], []));
        GuardedBackward.Run(loss);
        return (loss.item<double>(), learned.grad!);
    }

    private static Method Create(Tensor? values, Communicator ranks, int classes = 0, int memory = 0, ClassLabel? labels = null) => new RecipeReader().Methods.Create(
        "metricLearning",
        new MetricLearningOptions { Loss = new Choice("logRatio", new LogRatioOptions { Labels = labels }), Memory = memory },
        new MethodContext(NewEncoder, Images, ranks) { GlobalBatchSize = 8, Classes = classes, Values = values });

    private static Encoder NewEncoder(EncoderParts? parts) => Encoder.Create(
        new EncoderOptions { Backbone = "resnet20", Width = 0.25, Head = new HeadOptions { Output = Width } }, 3, Computing.Cpu, parts);
}

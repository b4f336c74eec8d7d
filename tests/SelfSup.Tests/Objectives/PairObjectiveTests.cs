using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.Errors;
using SelfSup.Losses;
using SelfSup.MetricLosses;
using SelfSup.Mining;
using SelfSup.Models;
using SelfSup.Objectives;
using SelfSup.Recipes;
using SelfSup.Tensors;
using SelfSup.Tests.Distances;
using SelfSup.Tests.Losses;

using static TorchSharp.torch;

namespace SelfSup.Tests.Objectives;

/// <summary>Objectives over pairs and triplets, as a recipe writes them.</summary>
public sealed class PairObjectiveTests
{
    private static readonly CatalogSet _catalogs = new(typeof(Objective).Assembly);
    private static readonly long[] _labels = [0, 1, 2, 1, 0, 0, 2, 1, 4];

    public static TheoryData<string> Recipes =>
    [
        "name: contrastive",
        "{ name: contrastive, distance: { name: cosine }, negativeMargin: 0.5, miner: { name: multiSimilarity } }",
        "{ name: contrastive, distance: { name: dot }, normalise: false, positiveMargin: -2, negativeMargin: 0.5 }",
        "{ name: contrastive, distance: { name: mahalanobis, rank: 3 }, normalise: false }",
        "name: siameseL1",
        "{ name: siameseL1, normalise: true, miner: { name: batchHard } }",
        "name: triplet",
        "{ name: triplet, soft: true, margin: 0, miner: { name: batchHard } }",
        "{ name: triplet, distance: { name: squaredEuclidean }, miner: { name: semiHard, margin: 0.5 } }",
        "{ name: triplet, distance: { name: lp, p: 1 }, averaging: all, miner: { name: distanceWeighted } }",
        "{ name: triplet, miner: { name: batchEasyHard, negative: hard, positive: all } }",
        "{ name: triplet, miner: { name: all } }",
        "{ name: triplet, miner: { name: hard } }",
        "{ name: triplet, miner: { name: easy } }",
        "name: nPair",
        "{ name: nPair, normalise: true, l2: 0 }",
        "name: lifted",
        "{ name: lifted, miner: { name: semiHard } }",
        "name: generalizedLifted",
        "name: multiSimilarity",
        "{ name: multiSimilarity, miner: }",
        "name: circle",
        "name: fastAp",
        "name: ntXent",
        "name: supCon",
        "name: logRatio",
        "{ name: logRatio, convention: paper, normalise: true }",
    ];

    [Theory]
    [MemberData(nameof(Recipes))]
    public void ItLearnsFromABatchAndFromAMemory(string recipe)
    {
        using var scope = NewDisposeScope();
        var objective = Create(recipe);
        using var encoder = DistanceTests.NewEncoder(objective.Parts, 4);
        var x = LossComparison.Unit(9, 4, 1).to(float32);
        var labels = tensor(_labels);
        var (batchLoss, batchGradient) = Result(
            objective, encoder, x, rows => LabelledEmbeddings.Of(rows, labels, 3));
        if (!recipe.Contains("easy", StringComparison.Ordinal)) // which of them teaches nothing at that margin
        {
            Assert.True(batchGradient.abs().max().item<float>() > 0);
        }

        // A memory that is the batch has its loss; of the gradient a part only, as the other side is constant.
        var (memoryLoss, memoryGradient) = Result(
            objective, encoder, x, rows => new LabelledEmbeddings(rows, labels, x.clone(), labels, 0, 3));
        Assert.Equal(batchLoss, memoryLoss, 1e-5 * Math.Max(1, Math.Abs(batchLoss)));
        Assert.True(memoryGradient.isfinite().all().item<bool>());
        var (elsewhere, _) = Result(
            objective,
            encoder,
            x[..4],
            rows => new LabelledEmbeddings(rows, labels[..4], x, labels, null, 3));
        Assert.True(double.IsFinite(elsewhere));
        var facts = objective.Facts(LabelledEmbeddings.Of(x, labels, 3), encoder).ToArray();
        Assert.All(facts, f => Assert.InRange(f.Value, 0, 9 * 9 * 9));
        Assert.Equal(facts.Length, facts.Select(f => f.Name).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Recipes))]
    public void ItIsFiniteWhereThereIsLittleToLearnFrom(string recipe)
    {
        using var scope = NewDisposeScope();
        var objective = Create(recipe);
        using var encoder = DistanceTests.NewEncoder(objective.Parts, 4);
        var x = LossComparison.Unit(5, 4, 2).to(float32);
        foreach (var (rows, labels) in new (Tensor, long[])[]
        {
            (x, [1, 1, 1, 1, 1]), (x, [0, 1, 2, 3, 4]), (x[..1].expand(5, 4).contiguous(), [0, 0, 1, 1, 2]), (x[..1], [0]),
        })
        {
            var (loss, gradient) = Result(objective, encoder, rows, r => LabelledEmbeddings.Of(r, tensor(labels), 1));
            Assert.True(double.IsFinite(loss));
            Assert.True(gradient.isfinite().all().item<bool>());
            _ = objective.Facts(LabelledEmbeddings.Of(rows, tensor(labels), 1), encoder).ToArray();
        }
    }

    [Fact]
    public void TheLossIsThatOfTheFunction()
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(9, 4, 3);
        var batch = LabelledEmbeddings.Of(x, tensor(_labels), 3);
        var masks = PairMasks.Of(batch.Labels, batch.Labels, 0);
        var distances = new Euclidean(new NoOptions()).Matrix(x, x);
        void Same(string recipe, Tensor expected) =>
            Assert.Equal(expected.item<double>(), Create(recipe).Loss(batch, null!).item<double>(), 1e-12);
        var semiHard = TripletMining.Select(distances, masks, TripletKind.SemiHard, 0.3);
        Same(
            "{ name: triplet, margin: 0.4, averaging: all, miner: { name: semiHard, margin: 0.3 } }",
            TripletMargin.Loss(distances, semiHard, new TripletSettings(0.4, Averaging: Averaging.All)));
        Same("{ name: triplet, margin: 0.4, swap: true }", TripletMargin.Loss(distances, masks, new TripletSettings(0.4, Swap: true)));
        Same("{ name: contrastive, positiveMargin: 0.2, negativeMargin: 1.1 }", PairwiseContrastive.Loss(distances, masks, 0.2, 1.1));
        Same(
            "{ name: contrastive, negativeMargin: 1.1, miner: { name: semiHard, margin: 0.3 } }",
            PairwiseContrastive.Loss(distances, PairMasks.Of(semiHard, 9, 9), 0, 1.1));
        Same("{ name: supCon, temperature: 0.2 }", SupCon.Loss(x, x, batch.Labels, 0, 0.2));
        Same("name: multiSimilarity", MultiSimilarity.Loss(
            x.matmul(x.t()), PairMining.MultiSimilarity(1 - x.matmul(x.t()), masks, 0.1)));

        // A miner that is defined over Euclidean distances has them, whatever the loss compares.
        var drawn = TripletMining.DistanceWeighted(distances, masks, 0.5, 1.4, new MiningDraw(5, 3, 4));
        Same(
            "{ name: triplet, distance: { name: squaredEuclidean }, miner: { name: distanceWeighted } }",
            TripletMargin.Loss(distances.square(), drawn, new TripletSettings(0.2)));
    }

    /// <summary>Two anchors whose positive takes all of the probability count, or do not, against the batch and against a memory.</summary>
    [Fact]
    public void SupConAveragesAllAnchorsOrThoseThatLearn()
    {
        using var scope = NewDisposeScope();
        var (x, labels) = (tensor(new[,] { { 1.0, 0 }, { 1, 0 }, { 0, -1 }, { 0.6, 0.8 } }), tensor(new long[] { 0, 0, 1, 1 }));
        var (all, some) = (SupCon.Loss(x, x, labels, 0, 0.01).item<double>(), SupCon.Loss(x, x, labels, 0, 0.01, onlyNonZero: true).item<double>());
        Assert.Equal(2 * all, some, 1e-9);
        Assert.InRange(all, 1, double.MaxValue);
        foreach (var batch in new[] { LabelledEmbeddings.Of(x, labels, 3), new LabelledEmbeddings(x, labels, x.clone(), labels, 0, 3) })
        {
            Assert.Equal(all, Create("{ name: supCon, temperature: 0.01 }").Loss(batch, null!).item<double>(), 1e-12);
            Assert.Equal(some, Create("{ name: supCon, temperature: 0.01, averaging: nonZero }").Loss(batch, null!).item<double>(), 1e-12);
        }
    }

    [Fact]
    public void ClassesStandForTheirNumbersOrForTheirNames()
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(9, 4, 4);
        var batch = LabelledEmbeddings.Of(x, tensor(_labels), 3);
        var squares = new SquaredEuclidean(new NoOptions()).Matrix(x, x);
        var others = eye(9, dtype: @bool).logical_not();
        double Expected(double[] values)
        {
            var numbers = tensor(_labels.Select(l => values[l]).ToArray());
            return LogRatio.Authors(squares, (numbers.unsqueeze(1) - numbers).square(), others, 4).item<double>();
        }

        double[] named = [20, 21.5, 30, 7, -2];
        var byName = Create("{ name: logRatio, labels: name }", new ObjectiveContext(5, 5) { ClassValues = named });
        Assert.Equal(Expected(named), byName.Loss(batch, null!).item<double>(), 1e-12);
        Assert.Equal(Expected([0, 1, 2, 3, 4]), Create("name: logRatio").Loss(batch, null!).item<double>(), 1e-12);
    }

    [Fact]
    public void WhatTeachesIsCounted()
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(9, 4, 5);
        var batch = LabelledEmbeddings.Of(x, tensor(_labels), 3);
        var plain = x.data<double>().ToArray().Chunk(4).ToArray();
        var distance = MetricLosses.PlainLosses.Euclidean;
        var triplets = MetricLosses.PlainLosses.Triplets(_labels);
        var violations = triplets.Count(t => distance(plain[t.A], plain[t.P]) - distance(plain[t.A], plain[t.N]) + 0.2 > 0);
        Assert.InRange(violations, 1, triplets.Count - 1);
        Assert.Equal(
            [("minedTriplets", triplets.Count), ("activeTriplets", violations)],
            Create("name: triplet").Facts(batch, null!).Select(f => (f.Name, (int)f.Value)));
        Assert.Equal(
            violations,
            Create("{ name: triplet, miner: { name: all } }").Facts(batch, null!).Single(f => f.Name == "minedTriplets").Value);
        var (positive, negative) = MetricLosses.PlainLosses.Pairs(_labels);
        Assert.Equal(
            [
                ("minedPositivePairs", positive.Count), ("minedNegativePairs", negative.Count), ("activePositivePairs", positive.Count),
                ("activeNegativePairs", negative.Count(p => distance(plain[p.A], plain[p.N]) < 1)),
            ],
            Create("name: contrastive").Facts(batch, null!).Select(f => (f.Name, (int)f.Value)));
    }

    [Theory]
    [InlineData("{ name: triplet, margin: -1 }", "method.loss.margin")]
    [InlineData("{ name: triplet, margin: 3 }", "must be at most 2, the largest difference of euclidean distances")]
    [InlineData("{ name: contrastive, negativeMargin: 2.5 }", "must be from 0 to 2, which is where euclidean distances are")]
    [InlineData("{ name: contrastive, positiveMargin: -0.5 }", "method.loss.positiveMargin: is -0.5")]
    [InlineData("{ name: contrastive, negativeMargin: 0 }", "method.loss.negativeMargin: is 0, must be from 0 to 2")]
    [InlineData("{ name: contrastive, positiveMargin: 2 }", "and not 2: no positive is farther than that")]
    [InlineData("{ name: contrastive, distance: { name: dot }, positiveMargin: 0, negativeMargin: -1 }", "method.loss.negativeMargin: is -1, must be from -1 to 1")]
    [InlineData("{ name: contrastive, distance: { name: cosine }, positiveMargin: 2.5 }", "method.loss.positiveMargin: is 2.5")]
    [InlineData("{ name: combinedMargin, multiple: 1.5, beyond: lowered }", "method.loss.beyond")]
    [InlineData("{ name: logRatio, labels: values }", "method.loss.labels: is values, but data.values names none")]
    [InlineData("{ name: triplet, normalise: false, distance: { name: cosine } }", "method.loss.normalise: is false, must be true")]
    [InlineData("{ name: triplet, normalise: false, miner: { name: distanceWeighted } }", "method.loss.miner: miner distanceWeighted is defined over")]
    [InlineData("{ name: triplet, miner: { name: semiHard, margin: -0.1 } }", "method.loss.miner.margin")]
    [InlineData("{ name: triplet, miner: { name: semihard } }", "there is no 'semihard'")]
    [InlineData("{ name: triplet, miner: { name: batchEasyHard, positive: semiHard } }", "semiHard is relative to one chosen other")]
    [InlineData("{ name: triplet, miner: { name: distanceWeighted, cutoff: 1.5 } }", "must be greater than cutoff (1.5)")]
    [InlineData("{ name: triplet, distance: { name: lp, p: 0.5 } }", "method.loss.distance.p")]
    [InlineData("{ name: circle, margin: 1 }", "method.loss.margin")]
    [InlineData("{ name: ntXent, temperature: 0 }", "method.loss.temperature")]
    [InlineData("{ name: fastAp, bins: 0 }", "method.loss.bins")]
    [InlineData("{ name: circle, distance: { name: dot } }", "no such setting")]
    [InlineData("{ name: logRatio, labels: name }", "names of the classes are not all numbers")]
    public void WhatCannotBeIsAnErrorOfTheRecipe(string recipe, string message)
    {
        var error = Assert.Throws<RecipeException>(() => Create(recipe));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(2, error.ExitCode);
    }

    [Fact]
    public void SwapWithAMemoryIsRefused()
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(3, 4, 6);
        var labels = tensor(new long[] { 0, 0, 1 });
        var error = Assert.Throws<RecipeException>(() => Create("{ name: triplet, swap: true }").Loss(
            new LabelledEmbeddings(x, labels, x.clone(), labels, null, 0), null!));
        Assert.Contains("method.loss.swap", error.Message, StringComparison.Ordinal);

        // As soon as it is known that there will be one, and not when it comes into use.
        error = Assert.Throws<RecipeException>(() => Create("{ name: triplet, swap: true }", new ObjectiveContext(5, 5) { HasMemory = true }));
        Assert.Contains("method.loss.swap: is true, must be false with a memory", error.Message, StringComparison.Ordinal);
        _ = Create("{ name: triplet, margin: 0.3 }", new ObjectiveContext(5, 5) { HasMemory = true });
    }

    /// <summary>The margins that are refused are those at which nothing is learned; next to them something is.</summary>
    [Theory]
    [InlineData("{ name: contrastive, positiveMargin: 0, negativeMargin: 0.001 }", 0, 1)]
    [InlineData("{ name: contrastive, positiveMargin: 1.999, negativeMargin: 2 }", 1, 0)]
    public void MarginsNextToTheEndsTeach(string recipe, int positives, int negatives)
    {
        using var scope = NewDisposeScope();
        // Of class 0 two that are opposite, of class 1 one that is next to the first of them.
        var x = tensor(new[,] { { 1.0, 0 }, { -1, 0 }, { 1, 0 } });
        var facts = Create(recipe).Facts(LabelledEmbeddings.Of(x, tensor(new long[] { 0, 0, 1 }), 3), null!).ToDictionary();
        Assert.True(facts["activePositivePairs"] >= positives && facts["activeNegativePairs"] >= negatives);
    }

    private static Objective Create(string recipe, ObjectiveContext? context = null)
    {
        var binder = new RecipeBinder(_catalogs);
        var choice = binder.Named(typeof(Objective), RecipeNode.FromText(recipe, "test"), "method.loss");
        return binder.Violations.Count > 0
            ? throw new RecipeException(binder.Violations)
            : _catalogs.Create<Objective>(choice!, context ?? new ObjectiveContext(5, 5));
    }

    private static (double Loss, Tensor Gradient) Result(
        Objective objective, Encoder encoder, Tensor x, Func<Tensor, LabelledEmbeddings> batch)
    {
        var learned = x.detach().clone().requires_grad_();
        var loss = objective.Loss(batch(learned), encoder);
        Assert.True(loss.requires_grad);
        GuardedBackward.Run(loss);
        Assert.True(learned.grad!.isfinite().all().item<bool>());
        return (loss.item<float>(), learned.grad);
    }
}

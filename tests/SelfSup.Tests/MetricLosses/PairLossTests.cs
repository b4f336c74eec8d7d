using SelfSup.Catalogs;
using SelfSup.Distances;
using SelfSup.MetricLosses;
using SelfSup.Mining;
using SelfSup.Tensors;
using SelfSup.Tests.Losses;

using static TorchSharp.torch;

namespace SelfSup.Tests.MetricLosses;

/// <summary>Losses over pairs and triplets against their formulas in plain doubles, and their gradients at awkward points.</summary>
public sealed class PairLossTests
{
    private static readonly NoOptions _none = new();

    /// <summary>What is compared: three classes of several images, one class only, every class with one image, two images.</summary>
    private static readonly long[][] _batches = [[0, 1, 2, 1, 0, 0, 2, 1, 5], [3, 3, 3, 3], [0, 1, 2, 3, 4], [0, 0], [0, 0, 1]];

    public static TheoryData<string> Names => [.. Losses.Keys];

    /// <summary>Each loss as a function of embeddings of unit length.</summary>
    private static Dictionary<string, (Func<Tensor, PairMasks, Tensor> Loss, Func<double[][], long[], double> Plain)> Losses { get; } = new()
    {
        ["contrastive"] = (
            (x, m) => PairwiseContrastive.Loss(Euclidean(x), m, 0.3, 1.2),
            (x, l) => PlainLosses.Contrastive(x, l, 0.3, 1.2, nonZero: true)),
        ["contrastive, all"] = (
            (x, m) => PairwiseContrastive.Loss(Euclidean(x), m, 0.3, 1.2, Averaging.All),
            (x, l) => PlainLosses.Contrastive(x, l, 0.3, 1.2, nonZero: false)),
        ["triplet"] = Triplet(new(0.3), listed: false),
        ["triplet, all"] = Triplet(new(0.3, Averaging: Averaging.All), listed: false),
        ["triplet, soft"] = Triplet(new(0, Soft: true), listed: false),
        ["triplet, swap"] = Triplet(new(0.3, Swap: true), listed: false),
        ["triplet, soft swap"] = Triplet(new(0.1, Soft: true, Swap: true, Averaging: Averaging.All), listed: false),
        ["triplet, listed"] = Triplet(new(0.3), listed: true),
        ["triplet, listed swap"] = Triplet(new(0.3, Swap: true, Averaging: Averaging.All), listed: true),
        ["lifted"] = ((x, m) => LiftedStructure.Loss(Euclidean(x), m, 1), (x, l) => PlainLosses.Lifted(x, l, 1)),
        ["generalised lifted"] = (
            (x, m) => LiftedStructure.GeneralisedLoss(Euclidean(x), m, 1), (x, l) => PlainLosses.GeneralisedLifted(x, l, 1)),
        ["multi-similarity"] = (
            (x, m) => MultiSimilarity.Loss(Cosines(x), m, 2, 50, 0.5), (x, l) => PlainLosses.MultiSimilarity(x, l, 2, 50, 0.5)),
        ["circle"] = (
            (x, m) => Circle.Loss(Cosines(x), m, 0.3, 2), (x, l) => PlainLosses.Circle(x, l, 0.3, 2, nonZero: true)),
        ["fastAp"] = ((x, m) => FastAp.Loss(new SquaredEuclidean(_none).Matrix(x, x), m, 7), (x, l) => PlainLosses.FastAp(x, l, 7)),
        ["ntXent"] = ((x, m) => NtXentPairs.Loss(Cosines(x), m, 0.3), (x, l) => PlainLosses.NtXent(x, l, 0.3)),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void ALossIsItsFormulaAndItsGradientIsItsDerivative(string name)
    {
        using var scope = NewDisposeScope();
        var (loss, plain) = Losses[name];
        foreach (var (labels, seed) in _batches.Select((b, i) => (b, i)))
        {
            using var inner = NewDisposeScope();
            var x = LossComparison.Unit(labels.Length, 4, seed + 1);
            var masks = Masks(labels);
            Assert.Equal(plain(Rows(x), labels), loss(x, masks).item<double>(), 1e-12);
            if (name != "circle") // weights there are constants, so that its gradient is not the derivative
            {
                GradientCheck.Holds(t => loss(t[0], masks), x);
            }
        }
    }

    /// <summary>A circle's weights are constants: with them held, the derivative is the gradient.</summary>
    [Fact]
    public void TheGradientOfTheCircleLossIsThatWithItsWeightsHeld()
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(9, 4, 3);
        var masks = Masks(_batches[0]);
        var held = Cosines(x);
        var (_, gradients) = GradientCheck.Of(t => Circle.Loss(Cosines(t[0]), masks, 0.3, 2, Averaging.All), x);
        var (_, expected) = GradientCheck.Of(
            t =>
            {
                var s = Cosines(t[0]);
                var positive = ((1.3 - held).clamp_min(0) * (s - 0.7) * -2).exp() * masks.Positive;
                var negative = ((held + 0.3).clamp_min(0) * (s - 0.3) * 2).exp() * masks.Negative;
                return (1 + (positive.sum(dim: 1) * negative.sum(dim: 1))).log().mean();
            },
            x);
        Assert.InRange((gradients[0] - expected[0]).abs().max().item<double>(), 0, 1e-12);
    }

    /// <summary>Distances of 0 have no derivative; the gradient is finite all the same, and pulls equal embeddings nowhere.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void EqualEmbeddingsHaveAFiniteGradient(string name)
    {
        using var scope = NewDisposeScope();
        long[] labels = [0, 0, 1, 1, 2];
        var x = LossComparison.Unit(1, 4, 5).expand(5, 4).contiguous();
        foreach (var type in new[] { float64, float32 })
        {
            var learned = x.to(type).clone().requires_grad_();
            var loss = Losses[name].Loss(learned, Masks(labels));
            GuardedBackward.Run(loss);
            Assert.True(loss.isfinite().item<bool>());
            Assert.True(learned.grad!.isfinite().all().item<bool>());
        }
    }

    /// <summary>Some embeddings equal, in losses that are smooth there.</summary>
    [Theory]
    [InlineData("multi-similarity")]
    [InlineData("ntXent")]
    public void TheGradientHoldsWhereSomeEmbeddingsAreEqual(string name)
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(4, 4, 6);
        x = cat([x, x]);
        foreach (var labels in new long[][] { [0, 1, 2, 3, 0, 1, 2, 3], [0, 0, 1, 1, 2, 2, 3, 3] })
        {
            GradientCheck.Holds(t => Losses[name].Loss(t[0], Masks(labels)), x);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void NothingChosenIsALossOfZeroWithAGraph(string name)
    {
        using var scope = NewDisposeScope();
        var nothing = new PairMasks(zeros(6, 6, dtype: @bool), zeros(6, 6, dtype: @bool));
        var (loss, gradients) = GradientCheck.Of(t => Losses[name].Loss(t[0], nothing), LossComparison.Unit(6, 4, 8));
        Assert.Equal(0, loss);
        Assert.Equal(0, gradients[0].abs().max().item<double>());
    }

    /// <summary>Positive at 3, negative at 4, margin 1: the loss is exactly 0, and no gradient pulls.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AMarginExactlyMetCostsNothing(bool listed)
    {
        using var scope = NewDisposeScope();
        var x = tensor(new double[,] { { 0, 0 }, { 3, 0 }, { 0, 4 } });
        var masks = Masks([0, 0, 1]);
        masks.Positive[1, 0] = tensor(false); // one triplet
        masks.Negative[2] = tensor(false);
        foreach (var averaging in Enum.GetValues<Averaging>())
        {
            var settings = new TripletSettings(1, Averaging: averaging);
            var (loss, gradients) = GradientCheck.Of(
                t => listed
                    ? TripletMargin.Loss(Euclidean(t[0]), Triplets.Of(masks), settings)
                    : TripletMargin.Loss(Euclidean(t[0]), masks, settings),
                x);
            Assert.Equal((0.0, 0.0), (loss, gradients[0].abs().max().item<double>()));
            Assert.Equal((0, 1), TripletMargin.Count(Euclidean(x), masks, settings));
            Assert.Equal(0, TripletMargin.Count(Euclidean(x), Triplets.Of(masks), settings));
        }

        var (contrastive, none) = GradientCheck.Of(t => PairwiseContrastive.Loss(Euclidean(t[0]), Masks([0, 0, 1]), 3, 4), x);
        Assert.Equal((0.0, 0.0), (contrastive, none[0].abs().max().item<double>()));
    }

    [Fact]
    public void ListedPairsAndTripletsAreTheirFormulas()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (LossComparison.Unit(6, 4, 10), LossComparison.Unit(6, 4, 11));
        var similar = tensor(new long[] { 1, 0, 0, 1, 0, 1 });
        var (a, b, y) = (Rows(first), Rows(second), similar.data<long>().ToArray());
        var squared = a.Select((r, i) => y[i] == 1 ? PlainLosses.Squared(r, b[i]) : Math.Max(0, 2 - PlainLosses.Squared(r, b[i]))).Average();
        Assert.Equal(squared, SiameseContrastive.Squared(first, second, similar, 2).item<double>(), 1e-12);
        GradientCheck.Holds(t => SiameseContrastive.Squared(t[0], t[1], similar, 2), first, second);
        var hadsell = a.Select((r, i) => y[i] == 1
            ? PlainLosses.Squared(r, b[i]) / 2
            : Math.Pow(Math.Max(0, 1.5 - PlainLosses.Euclidean(r, b[i])), 2) / 2).Average();
        Assert.Equal(hadsell, SiameseContrastive.Hadsell(first, second, similar, 1.5).item<double>(), 1e-12);
        GradientCheck.Holds(t => SiameseContrastive.Hadsell(t[0], t[1], similar, 1.5), first, second);

        // Equal pairs: alike they cost nothing, unlike they are at a cone's tip.
        foreach (var loss in new Func<Tensor, Tensor, Tensor, double, Tensor>[] { SiameseContrastive.Squared, SiameseContrastive.Hadsell })
        {
            var (_, gradients) = GradientCheck.Of(t => loss(t[0], t[1], similar, 1), first, first);
            Assert.Equal(0, gradients.Max(g => g.abs().max().item<double>()));
        }

        var (positive, negative) = (tensor(new[] { 1.0, 2, 3 }), tensor(new[] { 1.5, 0.5, 3 }));
        Assert.Equal((0.5 + 2.5 + 1) / 3, TripletMargin.Rows(positive, negative, 1).item<double>(), 1e-12);
        Assert.Equal((1.6 + 0.1) / 2, TripletMargin.Rows(positive, negative, 0.1, averaging: Averaging.NonZero).item<double>(), 1e-12);
        var soft = new[] { 0.5, 2.5, 1 }.Average(v => Math.Log(1 + Math.Exp(v)));
        Assert.Equal(soft, TripletMargin.Rows(positive, negative, 1, soft: true).item<double>(), 1e-12);
        GradientCheck.Holds(t => TripletMargin.Rows(t[0], t[1], 1, soft: true), positive, negative);
        Assert.Equal(0, GradientCheck.Of(t => TripletMargin.Rows(t[0], t[1], 1), zeros(0, dtype: float64), zeros(0, dtype: float64)).Loss);
    }

    [Fact]
    public void NPairIsItsFormula()
    {
        using var scope = NewDisposeScope();
        var (anchors, positives) = (LossComparison.Unit(5, 4, 12) * 2, LossComparison.Unit(5, 4, 13) * 3);
        Assert.Equal(PlainLosses.NPair(Rows(anchors), Rows(positives)), NPair.Loss(anchors, positives).item<double>(), 1e-12);
        GradientCheck.Holds(t => NPair.Loss(t[0], t[1]) + (0.1 * NPair.Regulariser(t[0], t[1])), anchors, positives);
        GradientCheck.Holds(t => NPair.Loss(t[0], t[1]), anchors[..1], anchors[..1]); // one class: nothing to tell apart
        var (loss, _) = GradientCheck.Of(t => NPair.Loss(t[0], t[1]) + NPair.Regulariser(t[0], t[1]), anchors[..0], positives[..0]);
        Assert.Equal(0, loss);

        long[] labels = [2, 0, 7, 0, 2, 1, 0];
        var (a, p) = NPair.Pairs(tensor(labels), Masks(labels));
        Assert.Equal([1, 0], a.data<long>().ToArray());
        Assert.Equal([3, 4], p.data<long>().ToArray());
        Assert.Equal(0, NPair.Pairs(tensor(new long[] { 1, 2 }), Masks([1, 2])).Anchors.shape[0]);
    }

    [Fact]
    public void SiameseL1IsItsFormula()
    {
        using var scope = NewDisposeScope();
        var (x, y, weights, bias) = (LossComparison.Unit(7, 5, 14), LossComparison.Unit(4, 5, 15), LossComparison.Unit(1, 5, 16)[0] * 3, tensor(new[] { 0.4 }));
        var scores = SiameseL1.Matrix(x, y, weights, bias);
        var plain = Rows(x).Select(a => Rows(y).Select(b => a.Zip(b, (p, q) => Math.Abs(p - q)).Zip(weights.data<double>().ToArray(), (d, w) => d * w).Sum() + 0.4).ToArray()).ToArray();
        for (var i = 0; i < 7; i++)
        {
            for (var j = 0; j < 4; j++)
            {
                Assert.Equal(plain[i][j], scores[i, j].item<double>(), 1e-12);
            }
        }

        Assert.Equal(plain[2][2], SiameseL1.Rows(x[..4], y, weights, bias)[2].item<double>(), 1e-12);
        var masks = PairMasks.Of(tensor(new long[] { 0, 1, 2, 0, 1, 2, 3 }), tensor(new long[] { 0, 1, 1, 5 }), null);
        double Cross(double score, bool alike) => -Math.Log(1 / (1 + Math.Exp(alike ? -score : score)));
        var positive = masks.Positive.nonzero().data<long>().ToArray().Chunk(2).Average(c => Cross(plain[c[0]][c[1]], true));
        var negative = masks.Negative.nonzero().data<long>().ToArray().Chunk(2).Average(c => Cross(plain[c[0]][c[1]], false));
        Assert.Equal((positive + negative) / 2, SiameseL1.Loss(scores, masks).item<double>(), 1e-12);
        GradientCheck.Holds(t => SiameseL1.Loss(SiameseL1.Matrix(t[0], t[1], t[2], t[3]), masks), x, y, weights, bias);
        var similar = tensor(new long[] { 1, 0, 1, 0 });
        var listed = Enumerable.Range(0, 4).Average(i => Cross(plain[i][i], i % 2 == 0));
        Assert.Equal(listed, SiameseL1.Loss(SiameseL1.Rows(x[..4], y, weights, bias), similar).item<double>(), 1e-12);
        GradientCheck.Holds(t => SiameseL1.Loss(SiameseL1.Rows(t[0], t[1], t[2], t[3]), similar), x[..4], y, weights, bias);
        var (_, gradients) = GradientCheck.Of(t => SiameseL1.Loss(SiameseL1.Matrix(t[0], t[0], t[1], t[2]), Masks([0, 0, 1])), x[..1].expand(3, 5), weights, bias);
        Assert.True(gradients.All(g => g.isfinite().all().item<bool>()));
    }

    [Fact]
    public void LogRatioIsItsFormulaOverAllTriplets()
    {
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(6, 3, 17);
        double[] values = [0.1, 2.5, -1, 0.7, 4, 0.2];
        var labels = (tensor(values).unsqueeze(1) - tensor(values)).square();
        var others = eye(6, dtype: @bool).logical_not();
        Tensor Paper(Tensor rows, Tensor counted) => LogRatio.Paper(new SquaredEuclidean(_none).Matrix(rows, rows), labels, counted);
        Tensor Authors(Tensor rows, Tensor counted) => LogRatio.Authors(new SquaredEuclidean(_none).Matrix(rows, rows), labels, counted, 3);
        Assert.Equal(PlainLosses.LogRatio(Rows(x), values), Paper(x, others).item<double>(), 1e-11);
        GradientCheck.Holds(t => Paper(t[0], others), x);
        GradientCheck.Holds(t => Authors(t[0], others), x);

        // Equal embeddings and equal labels: finite, and of the paper's loss only what has a logarithm.
        var equal = x[..1].expand(6, 3).contiguous();
        Assert.Equal(0, GradientCheck.Of(t => Paper(t[0], others), equal).Loss);
        Assert.True(GradientCheck.Of(t => Authors(t[0], others), equal).Gradients[0].isfinite().all().item<bool>());
        var one = zeros(6, 6, dtype: @bool);
        Assert.Equal(0, GradientCheck.Of(t => Authors(t[0], one), x).Loss);
        labels = zeros(6, 6, dtype: float64);
        Assert.Equal(0, GradientCheck.Of(t => Paper(t[0], others), x).Loss);
        Assert.True(GradientCheck.Of(t => Authors(t[0], others), x).Loss > 0);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(3)]
    public void SupConOfAMemoryIsItsFormula(int? firstSelf)
    {
        using var scope = NewDisposeScope();
        var (anchors, memory) = (LossComparison.Unit(5, 4, 18), LossComparison.Unit(10, 4, 19));
        if (firstSelf is { } first)
        {
            memory.narrow(0, first, 5).copy_(anchors);
        }

        long[] labels = [0, 1, 2, 1, 9], memoryLabels = [4, 1, 0, 0, 1, 2, 1, 9, 4, 4];
        var expected = PlainLosses.SupCon(Rows(anchors), labels, Rows(memory), memoryLabels, firstSelf, 0.2);
        Tensor Loss(Tensor a) => SupConReferences.Loss(a, tensor(labels), memory, tensor(memoryLabels), firstSelf, 0.2);
        Assert.Equal(expected, Loss(anchors).item<double>(), 1e-12);
        GradientCheck.Holds(t => Loss(t[0]), anchors);
    }

    /// <summary>
    /// All triplets of 512 embeddings of 8 classes are 14.5 million (and a tensor of all, 512 MB of float32): what is held beside the
    /// distances are tiles.
    /// </summary>
    [Fact]
    public void AllTripletsOfABatchAreNotHeld()
    {
        Assert.SkipWhen(NativeHeap.Bytes is null, "this C library does not say what is in use");
        using var scope = NewDisposeScope();
        var x = LossComparison.Unit(512, 16, 20).to(float32).requires_grad_();
        var labels = arange(512, dtype: int64) % 8;
        using var peak = new HeapPeak();
        var loss = TripletMargin.Loss(new Euclidean(_none).Matrix(x, x), PairMasks.Of(labels, labels, 0), new TripletSettings(0.2));
        GuardedBackward.Run(loss);
        peak.Dispose();
        Assert.InRange(peak.Growth!.Value / (double)(1 << 20), 0, 64);
        Assert.True(loss.item<float>() > 0);
    }

    private static (Func<Tensor, PairMasks, Tensor>, Func<double[][], long[], double>) Triplet(TripletSettings settings, bool listed) => (
        (x, masks) => listed
            ? TripletMargin.Loss(Euclidean(x), Triplets.Of(masks), settings)
            : TripletMargin.Loss(Euclidean(x), masks, settings),
        (x, labels) => PlainLosses.Triplet(
            x, labels, PlainLosses.Euclidean, settings.Margin, settings.Soft, settings.Swap, settings.Averaging == Averaging.NonZero));

    private static Tensor Euclidean(Tensor x) => new Euclidean(_none).Matrix(x, x);

    private static Tensor Cosines(Tensor x) => x.matmul(x.t());

    private static PairMasks Masks(long[] labels) => PairMasks.Of(tensor(labels), tensor(labels), 0);

    private static double[][] Rows(Tensor x) => [.. x.data<double>().ToArray().Chunk((int)x.shape[1])];
}

using SelfSup.Checkpoints;
using SelfSup.Errors;
using SelfSup.Evaluation;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class ProbeTests
{
    [Fact]
    public void TheGradientOfSoftmaxRegressionIsThatOfDifferences()
    {
        using var scope = NewDisposeScope();
        var features = (arange(20, float64) * 1.7).sin().reshape(5, 4);
        using var objective = new SoftmaxRegression(features, tensor(new long[] { 0, 1, 2, 1, 0 }), 3, 0.5);
        var point = (arange(objective.Parameters, float64) * 2.3).cos();
        var gradient = zeros_like(point);
        objective.Value(point, gradient);
        var scratch = zeros_like(point);
        for (var i = 0; i < objective.Parameters; i++)
        {
            var h = zeros_like(point);
            h[i] = 1e-6;
            var slope = (objective.Value(point + h, scratch) - objective.Value(point - h, scratch)) / 2e-6;
            Assert.Equal(slope, gradient[i].item<double>(), 1e-7);
        }
    }

    [Fact]
    public void RegularizationIsChosenOnAHeldOutPartAlikeEveryTime()
    {
        using var scope = NewDisposeScope();
        using var train = Clusters("train", 120, 0.9);
        using var test = Clusters("test", 60, 0.9, shift: 1000);
        var first = new LbfgsProbe(new()).Evaluate(train, test);
        var second = new LbfgsProbe(new()).Evaluate(train, test);
        Assert.Equal(9, first.Trials.Count);
        Assert.Equal(first.Trials, second.Trials);
        Assert.Equivalent(first.Report, second.Report, strict: true);
        var best = first.Trials.Max(t => t.Accuracy);
        Assert.Equal(best, first.Trials.Single(t => t.C == first.C).Accuracy);
        Assert.InRange(first.Report.Top1, 0.6, 1);
    }

    [Fact]
    public void StandardizedAndRawFeaturesGiveAClassifierForRawFeatures()
    {
        using var scope = NewDisposeScope();
        using var train = Clusters("train", 90, 0.3);
        using var test = Clusters("test", 30, 0.3, shift: 1000);
        // One feature in thousands and one that is constant would ruin a fit that forgot to undo the scaling.
        FeatureSet Awkward(FeatureSet set) => new(
            set.Name,
            cat([set.Features * tensor(new[] { 1000.0, 1, 1, 1 }), full(set.Count, 1, 7.0, float64)], 1),
            set.Labels);
        using var awkwardTrain = Awkward(train);
        using var awkwardTest = Awkward(test);
        foreach (var standardize in new[] { false, true })
        {
            var result = new LbfgsProbe(new() { C = 1, Standardize = standardize }).Evaluate(awkwardTrain, awkwardTest);
            Assert.InRange(result.Report.Top1, 0.95, 1);
        }
    }

    [Fact]
    public void AClassThatIsOnlyTestedNeverWinsAndIsNoted()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train", eye(4, dtype: float64), [0, 2, 0, 2], ["a", "b", "c"]);
        using var test = new FeatureSet("test", eye(4, dtype: float64), [0, 2, 1, 3], ["a", "b", "c", "d"]);
        var report = new LbfgsProbe(new() { C = 1 }).Evaluate(train, test).Report;
        Assert.Equal(0.5, report.Top1);
        Assert.Equal(0, report.Confusion.Sum(row => row[1] + row[3]));
        Assert.StartsWith("no training image is of 'b', 'd'", report.Notes[0], StringComparison.Ordinal);
    }

    [Fact]
    public void OneImagePerClassLeavesNothingToChooseOn()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train images", eye(3, dtype: float64), [0, 1, 2]);
        var error = Assert.Throws<DataException>(() => new LbfgsProbe(new()).Evaluate(train, train));
        Assert.StartsWith("train images: every class has one image", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, new LbfgsProbe(new() { C = 1 }).Evaluate(train, train).Report.Top1);
    }

    [Fact]
    public void TheHeldOutPartHasEveryClassInItsShare()
    {
        long[] labels = [.. Enumerable.Repeat(0L, 50), .. Enumerable.Repeat(1L, 10), 2, 3, 3];
        var (fitted, heldOut) = HeldOutSplit.Of(labels, 0.2, seed: 3);
        Assert.Equal([10, 2, 0, 1], Enumerable.Range(0, 4).Select(c => heldOut.Count(i => labels[i] == c)));
        Assert.Equal(Enumerable.Range(0, labels.Length).Select(i => (long)i), fitted.Concat(heldOut).Order());
        Assert.Equal(heldOut, HeldOutSplit.Of(labels, 0.2, seed: 3).HeldOut);
        Assert.NotEqual(heldOut, HeldOutSplit.Of(labels, 0.2, seed: 4).HeldOut);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TrainingByGradientStepsReachesTheRegularizedMinimum(bool nesterov)
    {
        // With decay 1 / (C N) on weights and biases the minimum is close to the probe's; from the same gradient of
        // zero.
        using var scope = NewDisposeScope();
        using var train = Clusters("train", 60, 0.9);
        var labels = tensor(train.Labels.ToArray());
        var options = new LinearProbeSgdOptions { WeightDecay = 1.0 / 60, Nesterov = nesterov };
        using var probe = new LinearProbeSgd(options, 4, 3, elementType: float64);
        for (var step = 0; step < 3000; step++)
        {
            using var inner = NewDisposeScope();
            probe.Step(train.Features, labels, 0.2);
        }

        var (weight, bias) = (probe.Classifier.Weight, probe.Classifier.Bias);
        var wrong = probe.Classifier.Logits(train.Features).softmax(1) - nn.functional.one_hot(labels, 3);
        Assert.True((wrong.t().matmul(train.Features) + weight).abs().max().item<double>() < 1e-8);
        Assert.True((wrong.sum(dim: 0) + bias).abs().max().item<double>() < 1e-8);
    }

    [Fact]
    public void TheProbesStepIsAutogradsInFloat32()
    {
        using var scope = NewDisposeScope();
        var features = (arange(24, float32) * 1.3f).sin().reshape(6, 4);
        var labels = tensor(new long[] { 0, 1, 2, 2, 1, 0 });
        using var linear = nn.Linear(4, 3);
        nn.init.zeros_(linear.weight);
        nn.init.zeros_(linear.bias!);
        using var optimizer = optim.SGD(linear.parameters(), 0.5, momentum: 0.9, weight_decay: 0.01);
        using var probe = new LinearProbeSgd(new() { WeightDecay = 0.01 }, 4, 3);
        for (var step = 0; step < 5; step++)
        {
            optimizer.zero_grad();
            var expected = nn.functional.cross_entropy(linear.forward(features), labels);
            expected.backward();
            optimizer.step();
            Assert.Equal(expected.item<float>(), probe.Step(features, labels, 0.5).item<float>(), 1e-5f);
        }

        Assert.True(allclose(linear.weight, probe.Classifier.Weight, rtol: 0, atol: 1e-6));
        Assert.True(allclose(linear.bias!, probe.Classifier.Bias, rtol: 0, atol: 1e-6));
    }

    [Fact]
    public void BothPublishedSchedulesAreReachable()
    {
        var moco = new LinearProbeSgdOptions();
        var rates = moco.CreateSchedule(stepsPerEpoch: 10);
        double[] at = [.. new long[] { 0, 599, 600, 799, 800 }.Select(k => Math.Round(rates.At(k), 12))];
        Assert.Equal([30, 30, 3, 3, 0.3], at);

        var simClr = new LinearProbeSgdOptions
        {
            Epochs = 90,
            BatchSize = 4096,
            LearningRate = 1.6,
            Nesterov = true,
            Schedule = LinearProbeSchedule.Cosine,
        };
        rates = simClr.CreateSchedule(stepsPerEpoch: 10);
        Assert.Equal([1.6, 0.8, 0], [rates.At(0), Math.Round(rates.At(450), 12), rates.At(900)]);
    }

    [Fact]
    public void NoTensorIsLeftBehind()
    {
        using var scope = NewDisposeScope();
        using var train = Clusters("train", 30, 0.5);
        using var labels = tensor(train.Labels.ToArray());
        using var probe = new LinearProbeSgd(new(), 4, 3, elementType: float64);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var alive = Tensor.TotalCount;
        new LbfgsProbe(new() { Standardize = true, Grid = [0.1, 1] }).Evaluate(train, train);
        probe.Step(train.Features, labels, 1).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.InRange(Tensor.TotalCount, 0, alive); // fewer, where the collector has found older ones
    }

    [Fact]
    public void ASavedProbeGoesOnBitForBit()
    {
        using var scope = NewDisposeScope();
        using var train = Clusters("train", 30, 0.5);
        var labels = tensor(train.Labels.ToArray());
        using var probe = new LinearProbeSgd(new(), 4, 3, elementType: float64);
        using var resumed = new LinearProbeSgd(new(), 4, 3, elementType: float64);
        probe.Step(train.Features, labels, 1);
        using var saved = StateArchive.Saving();
        probe.Exchange(saved);
        resumed.Exchange(StateArchive.Loading(saved.Entries, "test"));
        probe.Step(train.Features, labels, 1);
        resumed.Step(train.Features, labels, 1);
        Assert.True(probe.Classifier.Weight.bytes.SequenceEqual(resumed.Classifier.Weight.bytes));
    }

    // Three classes around three corners of four dimensions, by a fixed formula.
    private static FeatureSet Clusters(string name, int count, double spread, int shift = 0)
    {
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, count).Select(i => (long)(i % 3))];
        var hash = ((arange(count * 4, float64) + shift) * 12.9898).sin() * 43758.5453;
        var noise = hash.remainder(1).reshape(count, 4);
        var corners = nn.functional.one_hot(tensor(labels), 4).to(float64);
        var features = corners + ((noise - 0.5) * 2 * spread);
        return new FeatureSet(name, features.MoveToOuterDisposeScope(), labels);
    }
}

using SelfSup.Evaluation;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

/// <summary>
/// kNN against solo-learn's and lightly's, the probe against scikit-learn's polished minimum, in float64.
/// </summary>
public static class EvaluationGoldenTests
{
    [GoldenComponent("knn_weighted")]
    internal static void WeightedKnn(GoldenCase golden)
    {
        var options = new KnnOptions
        {
            Neighbours = golden.Params.GetProperty("k").GetInt32(),
            Temperature = golden.Params.GetProperty("temperature").GetDouble(),
        };
        var classes = golden.Params.GetProperty("num_classes").GetInt32();
        string[] names = [.. Enumerable.Range(0, classes).Select(i => $"class {i}")];
        using var train = Set(golden, "train", names);
        using var test = Set(golden, "test", names);
        var knn = new KnnClassifier(options);

        using var search = new NeighbourSearch(train.Features, Math.Min(options.Neighbours, train.Count));
        var (similarities, indices) = search.Find(test.Features);
        var votes = knn.Votes(similarities, indices, tensor(train.Labels.ToArray()), classes);
        var scores = golden.Outputs.GetProperty("class_scores");
        // Votes are of the size of exp(1 / T), so the tolerance is relative to the largest.
        GoldenCase.Close(scores, votes, 1e-9 * Math.Max(1, GoldenCase.Numbers(scores).Max()));
        GoldenCase.Close(golden.Outputs.GetProperty("predictions"), votes.argmax(1), 0);
        var neighbours = golden.Outputs.GetProperty("neighbours");
        GoldenCase.Close(neighbours, indices.narrow(1, 0, GoldenCase.Shape(neighbours)[1]), 0);

        var report = knn.Evaluate(train, test);
        Assert.Equal(golden.Outputs.GetProperty("top1").GetDouble(), report.Top1, 1e-12);
        Assert.Equal(golden.Outputs.GetProperty("top5").GetDouble(), report.Top5, 1e-12);
    }

    [GoldenComponent("linear_probe")]
    internal static void LbfgsProbe(GoldenCase golden)
    {
        var c = golden.Params.GetProperty("C").GetDouble();
        var classes = (int)GoldenCase.Shape(golden.Outputs.GetProperty("W"))[0];
        string[] names = [.. Enumerable.Range(0, classes).Select(i => $"class {i}")];
        using var train = Set(golden, "train", names);
        using var test = Set(golden, "test", names);
        var probe = new LbfgsProbe(new() { C = c, Tolerance = 1e-12 });

        using var classifier = probe.Fit(train.Features, train.Labels, classes, c);
        GoldenCase.Close(golden.Outputs.GetProperty("W"), classifier.Weight, 1e-7);
        GoldenCase.Close(golden.Outputs.GetProperty("bias_centred"), classifier.Bias - classifier.Bias.mean(), 1e-7);
        GoldenCase.Close(
            golden.Outputs.GetProperty("test_probabilities"), classifier.Logits(test.Features).softmax(1), 1e-8);

        using var objective = new SoftmaxRegression(train.Features, tensor(train.Labels.ToArray()), classes, c);
        var point = cat([classifier.Weight.reshape(-1), classifier.Bias]);
        var value = objective.Value(point, zeros_like(point));
        Assert.Equal(golden.Outputs.GetProperty("objective").GetDouble(), value, 1e-10);
        Assert.Equal(
            golden.Outputs.GetProperty("test_accuracy").GetDouble(), probe.Evaluate(train, test).Report.Top1, 1e-12);
    }

    private static FeatureSet Set(GoldenCase golden, string name, IReadOnlyList<string> classNames) => new(
        name,
        GoldenCase.Tensor(golden.Input(name)),
        [.. GoldenCase.Numbers(golden.Input($"{name}_labels")).Select(label => (long)label)],
        classNames);
}

using SelfSup.Evaluation;
using SelfSup.Reports;

using static TorchSharp.torch;

namespace SelfSup.Tests.Reports;

public sealed class ConfusionFindingTests
{
    /// <summary>Three classes far from each other; two images lie where another class is.</summary>
    [Fact]
    public void CountsAreThoseOfTheImages()
    {
        using var train = Set("train", [.. Enumerable.Range(0, 30).Select(i => i % 3L)], [.. Enumerable.Range(0, 30).Select(i => i % 3)]);
        using var test = Set("test", [0, 0, 0, 1, 1, 2], [0, 2, 2, 1, 1, 1]);
        var found = ConfusionFinding.Of(train, test);
        Assert.Equal([[1L, 0, 2], [0, 2, 0], [0, 1, 0]], found.Report.Confusion);
        Assert.Equal(0.5, found.Report.Top1, 1e-12);
        Assert.Equal(30, found.TrainingImages);
        Assert.Equal([new MistakenPair("a", "c", 2, 2 / 3.0), new MistakenPair("c", "b", 1, 1)], found.Mistaken(5));
        Assert.Single(found.Mistaken(1));
    }

    private static FeatureSet Set(string name, long[] labels, int[] places)
    {
        var features = new float[labels.Length, 3];
        for (var row = 0; row < labels.Length; row++)
        {
            features[row, places[row]] = 10 + (row % 5 * 0.1f);
        }

        return new FeatureSet(name, tensor(features), labels, ["a", "b", "c"]);
    }
}

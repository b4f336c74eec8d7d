using SelfSup.Errors;
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

    /// <summary>Whoever reads the numbers reads what belongs to them.</summary>
    [Fact]
    public void WhatTheProbeNotesIsSaid()
    {
        using var train = Set("train", [.. Enumerable.Range(0, 30).Select(i => i % 2L)], [.. Enumerable.Range(0, 30).Select(i => i % 2)]);
        using var test = Set("test", [0, 1, 2], [0, 1, 2]);
        using var page = new StringWriter();
        ReportTables.Confusion(page, ConfusionFinding.Of(train, test));
        Assert.Contains("<li>no training image is of &#39;c&#39;: its test images all count as wrong</li>", page.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void TooManyClassesAreNotProbed()
    {
        ConfusionFinding.RequireFew([.. Enumerable.Repeat("class", 1000)]);
        Assert.Contains("1,001 classes", Assert.Throws<DataException>(() => ConfusionFinding.RequireFew([.. Enumerable.Repeat("class", 1001)])).Message, StringComparison.Ordinal);
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

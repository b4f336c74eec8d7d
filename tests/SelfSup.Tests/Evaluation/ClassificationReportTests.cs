using System.Text.Json;

using SelfSup.Errors;
using SelfSup.Evaluation;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class ClassificationReportTests
{
    private static readonly string[] _names = ["a", "b", "c", "d", "e", "f", "g"];

    /// <summary>
    /// By hand. Seven classes, four images in two batches: right; second best; a tie for the best that the lower label
    /// wins; and the label is sixth.
    /// </summary>
    [Fact]
    public void TheNumbersAreThoseCountedByHand()
    {
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        ClassificationReport report;
        using (NewDisposeScope())
        {
            var tally = new ClassificationTally(_names);
            tally.Add(
                tensor(new float[,] { { 9, 1, 1, 1, 1, 1, 1 }, { 5, 4, 1, 1, 1, 1, 1 } }), labels: [0, 1]);
            tally.Add(
                tensor(new double[,] { { 0, 7, 7, 0, 0, 0, 0 }, { 6, 5, 4, 3, 2, 1, 0 } }), labels: [2, 5]);
            report = tally.Report(["a note"]);
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Equal(4, report.Images);
        Assert.Equal(0.25, report.Top1);
        Assert.Equal(0.75, report.Top5);
        Assert.Equal(0.25, report.MeanPerClass);
        Assert.Equal([1, 1, 1, 0, 0, 1, 0], report.Classes.Select(c => c.Images));
        Assert.Equal([1, 0, 0, null, null, 0, null], report.Classes.Select(c => c.Accuracy));
        Assert.Equal([1, 0, 0, 0, 0, 0, 0], report.Confusion[0]);
        Assert.Equal([1, 0, 0, 0, 0, 0, 0], report.Confusion[1]);
        Assert.Equal([0, 1, 0, 0, 0, 0, 0], report.Confusion[2]);
        Assert.Equal([1, 0, 0, 0, 0, 0, 0], report.Confusion[5]);
    }

    [Fact]
    public void JsonKeepsAllOfIt()
    {
        using var scope = NewDisposeScope();
        var tally = new ClassificationTally(["cat", "dog"]);
        tally.Add(tensor(new double[,] { { 0, 1 }, { 0, 1 }, { 1, 0 } }), labels: [1, 1, 1]);
        var json = JsonSerializer.Serialize(tally.Report(["a note"]), JsonSerializerOptions.Web);
        Assert.Contains("\"top1\":0.6666666666666666", json, StringComparison.Ordinal);
        Assert.Contains("\"confusion\":[[0,0],[1,2]]", json, StringComparison.Ordinal);
        Assert.Contains("{\"name\":\"cat\",\"images\":0,\"accuracy\":null}", json, StringComparison.Ordinal);
        var read = JsonSerializer.Deserialize<ClassificationReport>(json, JsonSerializerOptions.Web);
        Assert.Equal(json, JsonSerializer.Serialize(read, JsonSerializerOptions.Web));
    }

    [Fact]
    public void TopFiveOfFewerClassesIsAll()
    {
        using var scope = NewDisposeScope();
        var tally = new ClassificationTally(["a", "b", "c"]);
        tally.Add(tensor(new double[,] { { 2, 1, double.NegativeInfinity } }), labels: [2]);
        var report = tally.Report();
        Assert.Equal((0.0, 1.0), (report.Top1, report.Top5));
    }

    [Fact]
    public void AScoreThatIsNotANumberIsRefused()
    {
        using var scope = NewDisposeScope();
        var tally = new ClassificationTally(["a", "b"]);
        Assert.Throws<DataException>(() => tally.Add(tensor(new double[,] { { 1, double.NaN } }), labels: [0]));
    }
}

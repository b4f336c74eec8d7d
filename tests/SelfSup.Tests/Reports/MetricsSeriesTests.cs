using System.Globalization;
using System.Text;

using SelfSup.Reports;
using SelfSup.Tests.Support;
using SelfSup.Training;

namespace SelfSup.Tests.Reports;

public sealed class MetricsSeriesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder.File("metrics.jsonl");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EveryNumberOfALineHasItsCurve()
    {
        _folder.Write("metrics.jsonl", """
            {"step":0,"epoch":0,"evaluation":{"knn":0.328,"knnTop5":0.8125},"evaluationSeconds":1.5}
            {"step":1,"epoch":0.5,"embeddings":{"alignment":0.9},"method":{"informationBound":{"low":0.1,"high":0.2}}}
            {"step":1,"epoch":0.5,"loss":6.06,"learningRate":0.06,"note":"text","flag":true,"none":null,"list":[1,2]}
            {"step":2,"epoch":1,"loss":5.9,"learningRate":0.05}

            """);
        var series = MetricsSeries.Read(Path);
        Assert.Equal(
            ["evaluation.knn", "evaluation.knnTop5", "evaluationSeconds", "embeddings.alignment", "method.informationBound.low", "method.informationBound.high", "loss", "learningRate"],
            series.Curves.Keys);
        Assert.Equal([new CurvePoint(1, 6.06), new CurvePoint(2, 5.9)], series.Curves["loss"].Points());
        Assert.Equal([new CurvePoint(0, 0.328)], series.Curves["evaluation.knn"].Points());
        Assert.False(series.IsAnew);
    }

    [Fact]
    public void WhatARunWritesIsRead()
    {
        using (var log = new MetricsLog(Path, new RunState(), TimeProvider.System, message => Assert.Fail(message)))
        {
            log.Evaluation(0, 0, new Dictionary<string, double> { ["knn"] = 0.25 }, 0.5);
            log.Step(Progress(1, 3.5), 0.5, 0.1, 32);
            log.Step(Progress(2, double.NaN), 0.25, 0.1, 32);
            log.Step(Progress(3, 3.25), 0.25, 0.1, 32);
        }

        var curves = MetricsSeries.Read(Path).Curves;
        Assert.Equal([new CurvePoint(1, 3.5), new CurvePoint(2, null), new CurvePoint(3, 3.25)], curves["loss"].Points());
        Assert.Equal([64, 128, 128], curves["imagesPerSecond"].Points().Select(point => point.Value!.Value));
        Assert.Equal([new CurvePoint(0, 0.5)], curves["evaluationSeconds"].Points());

        static StepProgress Progress(long step, double loss) => new(new StepReport(step, loss, 0.1, 1), step / 10.0, 0, 0, null);
    }

    [Fact]
    public void HalfALineWaitsAndADamagedOneIsLeftOut()
    {
        _folder.Write("metrics.jsonl", "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":2,\"other\":[\nnothing\n[1]\n7\n{\"loss\":8}\n{\"step\":3,\"lo");
        var series = MetricsSeries.Read(Path);
        Assert.Equal([1.0], Losses(series));
        Assert.Equal(["loss"], series.Curves.Keys);
        Append("ss\":3}\n{\"step\":4,\"loss\":4}");
        series.ReadOn();
        Assert.Equal([1.0, 3], Losses(series));
        Append("\n");
        series.ReadOn();
        Assert.Equal([1.0, 3, 4], Losses(series));
        Assert.False(series.IsAnew);
    }

    [Fact]
    public void AFileThatGrowsIsReadOnFromAnyPlace()
    {
        Append(Lines(1, 500));
        var series = MetricsSeries.Read(Path);
        var place = series.Position.ToString();
        Append(Lines(501, 700));
        series.ReadOn();
        Assert.Equal(700, series.Curves["loss"].Count);
        Assert.True(MetricsPosition.TryParse(place, out var from));
        var news = new MetricsSeries(Path, from: from);
        news.ReadOn();
        Assert.Equal((200, 501, false), (news.Curves["loss"].Count, news.Curves["loss"].Points()[0].Step, news.IsAnew));
        Assert.Equal(series.Position, news.Position);
    }

    /// <summary>A resumed run removes the lines of steps that it does again, and may have written more by the time somebody looks.</summary>
    [Theory]
    [InlineData(300, 350)]
    [InlineData(300, 900)]
    [InlineData(0, 5)]
    public void AFileThatAResumeCutIsReadAnew(int stays, int grows)
    {
        Append(Lines(1, 500));
        var series = MetricsSeries.Read(Path);
        File.WriteAllText(Path, Lines(1, stays) + Lines(stays + 1, grows, seed: 7));
        var news = new MetricsSeries(Path, from: series.Position);
        news.ReadOn();
        series.ReadOn();
        Assert.All([series, news], read =>
        {
            Assert.True(read.IsAnew);
            Assert.Equal(grows, read.Curves["loss"].Count);
            Assert.Equal(Loss(grows, grows > stays ? 7 : 0), read.Curves["loss"].Last);
        });
    }

    [Fact]
    public void AFileThatGoesAwayIsForgotten()
    {
        Append(Lines(1, 5));
        var series = MetricsSeries.Read(Path);
        File.Delete(Path);
        series.ReadOn();
        Assert.Empty(series.Curves);
        Assert.True(series.IsAnew);
        Assert.Empty(MetricsSeries.Read(_folder.File("none.jsonl")).Curves);
    }

    [Fact]
    public void LinesAcrossReadsAndLinesThatAreNoneAreToldApart()
    {
        // Longer than a read, so that lines lie across its ends; then one that is longer than a line can be.
        var text = new StringBuilder();
        for (var step = 1; step <= 4000; step++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"loss\":{step},\"note\":\"{new string('x', step % 257)}\"}}\n");
        }

        text.Append('y', 3 << 20).Append('\n').Append("{\"step\":4001,\"loss\":-1}\n");
        File.WriteAllText(Path, text.ToString());
        var series = MetricsSeries.Read(Path, points: 10_000);
        Assert.Equal([.. Enumerable.Range(1, 4000).Select(step => (double)step), -1], Losses(series));
        Assert.Equal(text.Length, series.Position.Offset);
    }

    [Theory]
    [InlineData("")]
    [InlineData("12")]
    [InlineData("-1-00")]
    [InlineData("12-xyz")]
    [InlineData("12-00-00")]
    [InlineData("99999999999999999999-00")]
    public void WhatIsNoPlaceIsNone(string text) => Assert.False(MetricsPosition.TryParse(text, out _));

    private static double Loss(int step, int seed) => Math.Round(5 + Math.Sin((step * 0.7) + seed), 6);

    private static string Lines(int first, int last, int seed = 0) => string.Concat(Enumerable.Range(first, Math.Max(0, last - first + 1)).Select(step =>
        string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"epoch\":{step / 100.0},\"loss\":{Loss(step, seed)},\"stepSeconds\":{0.1 + ((step + seed) % 7 * 0.01)}}}\n")));

    private static double[] Losses(MetricsSeries series) => [.. series.Curves["loss"].Points().Select(point => point.Value!.Value)];

    private void Append(string text) => File.AppendAllText(Path, text);
}

using SelfSup.Diagnostics;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Diagnostics;

public sealed class EmbeddingReportTests
{
    [Fact]
    public void RandomEmbeddingsHaveNotCollapsed()
    {
        using var scope = NewDisposeScope();
        var x = Numbers.Normal(3000, 128) * 7;
        var report = EmbeddingReport.Of(x, x);
        Assert.False(report.IsCollapsed);
        Assert.Null(report.Signal);
        Assert.Equal((1024, 128), (report.Rows, report.Width));
        Assert.Equal(0, report.Alignment, 1e-6);
        Assert.Equal(1, report.PositiveSimilarity, 1e-6);
        Assert.InRange(report.EffectiveRank, 110, 128.1);
        Assert.Equal(1, report.StandardDeviation * Math.Sqrt(128), 0.01);
        Assert.InRange(report.HardestNegativeSimilarity, 0.2, 0.4);
        Assert.InRange(report.Uniformity, -4, -3.8);
    }

    [Fact]
    public void AConstantOutputSaysSo()
    {
        using var scope = NewDisposeScope();
        var x = Numbers.Normal(1, 128) + (1e-4 * Numbers.Normal(64, 128));
        var report = EmbeddingReport.Of(x, x);
        Assert.True(report.IsCollapsed);
        Assert.Matches(@"^constant output: standard deviation \de-\d+ a dimension$", report.Signal);
        Assert.Equal(0, report.Uniformity, 1e-3);
        report = EmbeddingReport.Of(zeros(64, 128), zeros(64, 128));
        Assert.Equal("constant output: standard deviation 0e0 a dimension", report.Signal);
    }

    /// <summary>What has learned two classes well is on one line, and has not collapsed where that is said.</summary>
    [Fact]
    public void TwoClassesOnALineAreNoCollapseWhereThatIsSaid()
    {
        using var scope = NewDisposeScope();
        var labels = arange(64).remainder(2);
        var x = ((labels * 2) - 1).to(float32).unsqueeze(1) * ones(1, 16);
        Assert.True(EmbeddingReport.Of(x, x, labels).IsCollapsed);
        var report = EmbeddingReport.Of(x, x, labels, leastRank: 0);
        Assert.False(report.IsCollapsed);
        Assert.Null(report.Signal);
        Assert.Equal(-1, report.HardestNegativeSimilarity, 1e-6);
        Assert.Equal(1, EmbeddingReport.Of(x, x).HardestNegativeSimilarity, 1e-6);
        Assert.True(EmbeddingReport.Of(ones(64, 16), ones(64, 16), labels, leastRank: 0).IsCollapsed); // constant
    }

    [Fact]
    public void RowsOfAClassAreNoNegatives()
    {
        using var scope = NewDisposeScope();
        // 3,000 rows, of which some are looked at: every class has one direction of its own, and those without are of another each.
        var labels = arange(3000).remainder(3) - 1;
        var x = eye(3).index_select(0, labels + 1);
        var without = Enumerable.Range(0, 1024).Count(row => row * 3000 / 1024 % 3 == 0);
        Assert.Equal(without / 1024.0, EmbeddingReport.Of(x, x, labels).HardestNegativeSimilarity, 1e-6);
        Assert.Equal(1, EmbeddingReport.Of(x, x).HardestNegativeSimilarity, 1e-6);
        // A row all of whose others are of its class has no negative, and does not count.
        x = tensor(new float[,] { { 1, 0 }, { 0, 1 }, { 1, 0 } });
        Assert.Equal(0, EmbeddingReport.Of(x, x, tensor(new long[] { 4, 5, 4 })).HardestNegativeSimilarity, 1e-6);
        Assert.True(double.IsNaN(EmbeddingReport.Of(x, x, zeros(3, int64)).HardestNegativeSimilarity));
    }

    [Fact]
    public void EmbeddingsOnOneLineSaySo()
    {
        using var scope = NewDisposeScope();
        var x = Numbers.Normal(64, 1).sign() * ones(1, 16);
        var report = EmbeddingReport.Of(x.to(bfloat16), x);
        Assert.True(report.IsCollapsed);
        Assert.Equal("effective rank 1.00 of 16 dimensions", report.Signal);
        Assert.True((report with { EffectiveRank = 1.24, StandardDeviation = 0.1 }).IsCollapsed);
        Assert.False((report with { EffectiveRank = 1.26, StandardDeviation = 0.1 }).IsCollapsed);
    }
}

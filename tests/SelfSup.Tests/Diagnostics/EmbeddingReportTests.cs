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

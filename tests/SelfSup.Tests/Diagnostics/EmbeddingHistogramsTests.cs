using SelfSup.Diagnostics;

using static TorchSharp.torch;

namespace SelfSup.Tests.Diagnostics;

/// <summary>How embeddings' numbers spread.</summary>
public sealed class EmbeddingHistogramsTests
{
    [Fact]
    public void EveryValueIsInItsBucket()
    {
        using var scope = NewDisposeScope();
        var histogram = Histogram.Of(tensor(new[] { 0f, 0.5f, 1f, 1.5f, 29.9f, 30f }).reshape(2, 3))!;
        Assert.Equal((0.0, 30.0, 30), (histogram.Least, histogram.Most, histogram.Counts.Length));
        Assert.Equal((2.0, 2.0, 2.0, 6.0), (histogram.Counts[0], histogram.Counts[1], histogram.Counts[29], histogram.Counts.Sum()));
        Assert.Equal(4, Histogram.Of(ones(4))!.Counts[29]); // all alike
        Assert.Null(Histogram.Of(zeros(0)));
        Assert.Null(Histogram.Of(tensor(new[] { 1f, float.NaN })));
    }

    [Fact]
    public void NegativesAreOtherImagesOfAnotherClass()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[,] { { 2f, 0f }, { 0f, 3f }, { -1f, 0f } });
        var all = EmbeddingHistograms.Of(x, x);
        Assert.Equal((1.0, 3.0), (all["norm"].Least, all["norm"].Most));
        Assert.Equal((1.0, 1.0, 3.0), (all["positiveSimilarity"].Least, all["positiveSimilarity"].Most, all["positiveSimilarity"].Counts.Sum()));
        Assert.Equal((-1.0, 0.0, 6.0), (all["negativeSimilarity"].Least, all["negativeSimilarity"].Most, all["negativeSimilarity"].Counts.Sum()));
        Assert.Equal(6, all["coordinate"].Counts.Sum());

        var labelled = EmbeddingHistograms.Of(x, x, tensor(new long[] { 0, 1, 0 }));
        Assert.Equal((0.0, 4.0), (labelled["negativeSimilarity"].Least, labelled["negativeSimilarity"].Counts.Sum()));
        Assert.DoesNotContain("negativeSimilarity", EmbeddingHistograms.Of(x, x, tensor(new long[] { 1, 1, 1 })).Keys);
    }
}

using SelfSup.Evaluation;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class KnnTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(50)]
    [InlineData(101)]
    [InlineData(1000)]
    public void TilesOfAnySizeFindWhatAFullSortFinds(long bankTile)
    {
        using var scope = NewDisposeScope();
        // Whole numbers of 0 .. 2 in three dimensions: most similarities have many equals.
        var bank = (arange(101 * 3, float64) * 7.7).remainder(3).floor().reshape(101, 3);
        var queries = (arange(13 * 3, float64) * 5.3).remainder(3).floor().reshape(13, 3);
        using var search = new NeighbourSearch(bank, 20, longestBankTile: bankTile);
        var (similarities, indices) = search.Find(queries);

        var norms = bank.norm(1, false, 2).clamp_min(1e-12).reciprocal();
        var all = (queries / queries.norm(1, true, 2).clamp_min(1e-12)).matmul(bank.t()) * norms;
        var (sorted, order) = sort(all, 1, descending: true, stable: true);
        Assert.True(allclose(similarities, sorted.narrow(1, 0, 20), rtol: 0, atol: 1e-15));
        Assert.True(indices.equal(order.narrow(1, 0, 20)).all().item<bool>());
    }

    [Fact]
    public void IdenticalTrainingImagesVoteInTheirOrder()
    {
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, 100).Select(i => i < 3 ? 1L : 0)];
        using var train = new FeatureSet("train", ones(100, 8), labels);
        using var test = new FeatureSet("test", ones(2, 8), [1, 1]);
        Assert.Equal(1, new KnnClassifier(new() { Neighbours = 5 }).Evaluate(train, test, cancellationToken: TestContext.Current.CancellationToken).Top1);
        Assert.Equal(0, new KnnClassifier(new() { Neighbours = 7 }).Evaluate(train, test, cancellationToken: TestContext.Current.CancellationToken).Top1);
    }

    [Fact]
    public void AFeatureOfZerosIsSimilarToNothing()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train", cat([eye(4), zeros(1, 4)]), [0, 1, 2, 3, 4]);
        using var test = new FeatureSet("test", zeros(1, 4), [0]);
        var report = new KnnClassifier(new() { Neighbours = 5 }).Evaluate(train, test, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(1, report.Top1);
    }

    [Fact]
    public void MoreNeighboursThanTrainingImagesAreAllAndTheReportSaysSo()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train", eye(3), [0, 1, 1]);
        var report = new KnnClassifier(new() { Neighbours = 200 }).Evaluate(train, train, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(1, report.Top1);
        Assert.Equal("k is 3, not 200: there are no more training images", Assert.Single(report.Notes));
    }

    [Fact]
    public void ASmallTemperatureOverflowsNothing()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train", eye(3), [0, 1, 2]);
        Assert.Equal(1, new KnnClassifier(new() { Temperature = 0.01 }).Evaluate(train, train, cancellationToken: TestContext.Current.CancellationToken).Top1);
    }

    [Fact]
    public void NoTensorIsLeftBehind()
    {
        using var scope = NewDisposeScope();
        using var train = new FeatureSet("train", eye(6), [0, 1, 2, 0, 1, 2]);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var alive = Tensor.TotalCount;
        new KnnClassifier(new() { Neighbours = 3 }).Evaluate(train, train, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.InRange(Tensor.TotalCount, 0, alive); // fewer, where the collector has found older ones
    }
}

using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class ClusteringTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [GoldenComponent("clustering_metrics")]
    internal static void Scores(GoldenCase golden)
    {
        long[] Whole(string name) => [.. GoldenCase.Numbers(golden.Input(name)).Select(v => (long)v)];
        var scores = ClusteringScores.Of(Whole("labels"), Whole("clusters"));
        foreach (var (name, value) in new[]
        {
            ("nmi", scores.Nmi), ("nmi_geometric", scores.NmiGeometric), ("nmi_max", scores.NmiMax), ("nmi_min", scores.NmiMin),
            ("ami", scores.Ami), ("ari", scores.Ari),
        })
        {
            Assert.Equal(golden.Outputs.GetProperty(name).GetDouble(), value, 1e-9);
        }
    }

    [Fact]
    public void ClustersThatAreTheClassesAgreeWithThem()
    {
        long[] labels = [.. Enumerable.Range(0, 60).Select(i => (long)(i % 7))];
        long[] renamed = [.. labels.Select(l => 100 - (3 * l))];
        var scores = ClusteringScores.Of(labels, renamed);
        foreach (var value in new[] { scores.Nmi, scores.NmiGeometric, scores.NmiMax, scores.NmiMin, scores.Ami, scores.Ari, scores.Purity })
        {
            Assert.Equal(1, value, 1e-12);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(40)]
    public void ClustersThatKnowNothingHaveNoAdjustedScore(int clusters)
    {
        using var scope = NewDisposeScope();
        var (ami, ari, nmi) = (0.0, 0.0, 0.0);
        for (var seed = 0; seed < 20; seed++)
        {
            long[] Draw(int kinds, int of) =>
                [.. RetrievalTests.Random(300, 1, of).data<double>().Select(x => (long)(Math.Abs(x * 1e6) % kinds))];
            var scores = ClusteringScores.Of(Draw(5, seed), Draw(clusters, 1000 + seed));
            (ami, ari, nmi) = (ami + (scores.Ami / 20), ari + (scores.Ari / 20), nmi + (scores.Nmi / 20));
        }

        Assert.InRange(ami, -0.01, 0.01);
        Assert.InRange(ari, -0.01, 0.01);
        Assert.True(clusters == 3 || nmi > 0.1, "NMI is not adjusted: many clusters look good");
    }

    [Fact]
    public void TheExpectedInformationIsThatOfAllPermutations()
    {
        long[] labels = [0, 0, 0, 1, 1, 2];
        int[] clusters = [0, 0, 1, 1, 1, 1];
        var (sum, count) = (0.0, 0);
        foreach (var order in Orders([0, 1, 2, 3, 4, 5]))
        {
            for (var label = 0; label < 3; label++)
            {
                for (var cluster = 0; cluster < 2; cluster++)
                {
                    double a = labels.Count(l => l == label), b = clusters.Count(c => c == cluster);
                    double both = Enumerable.Range(0, 6).Count(i => labels[i] == label && clusters[order[i]] == cluster);
                    sum += both == 0 ? 0 : both / 6 * Math.Log(6 * both / (a * b));
                }
            }

            count++;
        }

        Assert.Equal(720, count);
        Assert.Equal(sum / count, ExpectedInformation.Of([3, 2, 1], [2, 4]), 1e-14);

        static IEnumerable<int[]> Orders(int[] items) => items.Length == 0
            ? [[]]
            : items.SelectMany(first => Orders([.. items.Where(i => i != first)]).Select(rest => (int[])[first, .. rest]));
    }

    [Fact]
    public void AMillionImagesLoseNoDigits()
    {
        // For large sizes the expected information is (R - 1) (C - 1) / 2 n to first order.
        int[] classes = [.. Enumerable.Repeat(100_000, 10)];
        int[] clusters = [.. Enumerable.Repeat(50_000, 20)];
        var expected = 9.0 * 19 / 2e6;
        Assert.InRange(ExpectedInformation.Of(classes, clusters), expected * 0.9999, expected * 1.0003);
        var started = TimeProvider.System.GetTimestamp();
        _ = ExpectedInformation.Of([.. Enumerable.Range(500, 1000)], [.. Enumerable.Range(500, 1000)]);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 0, 20);
    }

    [Theory]
    [InlineData(nameof(FeatureDistance.Cosine), ScalarType.Float32)]
    [InlineData(nameof(FeatureDistance.Euclidean), ScalarType.Float64)]
    public void GroupsFarApartAreFound(string near, ScalarType type)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, 300).Select(i => (long)(i % 12))];
        var centres = RetrievalTests.Random(12, 16, seed: 4) * 3;
        var features = (centres.index_select(0, tensor(labels)) + (RetrievalTests.Random(300, 16, seed: 5) * 0.1)).to(type);
        using var set = new FeatureSet("images", features, labels);
        var report = new Clustering(new() { Distance = distance }).Evaluate(set, Stop);
        Assert.Equal((12, 12), (report.Clusters, report.Classes));
        Assert.Equal(1, report.Scores.Purity, 1e-12);
        Assert.Equal(1, report.Scores.Ami, 1e-9);
        Assert.Empty(report.Notes);
    }

    [Fact]
    public void TheResultIsAMinimumAndTheSameEachTime()
    {
        using var scope = NewDisposeScope();
        var features = RetrievalTests.Random(200, 3, seed: 8);
        var options = new KMeansOptions { Distance = FeatureDistance.Euclidean, Restarts = 3 };
        var result = new KMeans(options).Fit(features, 7, Stop);
        Assert.Equal(result.Clusters, new KMeans(options).Fit(features, 7, Stop).Clusters);
        Assert.InRange(new KMeans(new() { Distance = FeatureDistance.Euclidean, Restarts = 12 }).Fit(features, 7, Stop).Distances, 0, result.Distances);

        // No point is nearer to the mean of another cluster, and distances are those to the means.
        double[][] rows = [.. Enumerable.Range(0, 200).Select(i => features[i].data<double>().ToArray())];
        var means = Enumerable.Range(0, 7).Select(c => Enumerable.Range(0, 3)
            .Select(d => Enumerable.Range(0, 200).Where(i => result.Clusters[i] == c).Average(i => rows[i][d])).ToArray()).ToArray();
        double Far(int i, int c) => rows[i].Zip(means[c], (x, y) => (x - y) * (x - y)).Sum();
        Assert.All(Enumerable.Range(0, 200), i => Assert.Equal(result.Clusters[i], Enumerable.Range(0, 7).MinBy(c => Far(i, c))));
        Assert.Equal(Enumerable.Range(0, 200).Sum(i => Far(i, (int)result.Clusters[i])), result.Distances, 1e-8);
    }

    [Fact]
    public void MoreClustersThanDifferentPointsAreNoTrouble()
    {
        using var scope = NewDisposeScope();
        var features = ones(20, 4);
        features[3] = zeros(4);
        var result = new KMeans(new() { Distance = FeatureDistance.Euclidean }).Fit(features, 5, Stop);
        Assert.Equal(0, result.Distances, 1e-12);
        using var set = new FeatureSet("images", features.alias(), [.. Enumerable.Range(0, 20).Select(i => (long)(i % 2))]);
        Assert.StartsWith(
            "images: 20 images cannot be 21 clusters",
            Assert.Throws<DataException>(() => new Clustering(new() { Clusters = 21 }).Evaluate(set, Stop)).Message, StringComparison.Ordinal);
        Assert.Equal(20, new KMeans(new()).Fit(RetrievalTests.Random(20, 3, seed: 1), 20, Stop).Clusters.Distinct().Count());
    }
}

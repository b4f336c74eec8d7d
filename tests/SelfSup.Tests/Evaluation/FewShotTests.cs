using SelfSup.Errors;
using SelfSup.Evaluation;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class FewShotTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(FeatureDistance.Cosine))]
    [InlineData(nameof(FeatureDistance.Euclidean))]
    public void FeaturesThatKnowNothingGuess(string near)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var set = Set(RetrievalTests.Random(400, 16, seed: 3), 8);
        var report = new FewShot(new() { Ways = 4, Episodes = 400, Queries = 5, Distance = distance }).Evaluate(set, Stop);
        Assert.InRange(0.25, report.NearestPrototype.Low - 0.01, report.NearestPrototype.High + 0.01);
        Assert.InRange(0.25, report.NearestNeighbour.Low - 0.01, report.NearestNeighbour.High + 0.01);
        Assert.InRange(report.NearestNeighbour.HalfWidth, 0.002, 0.02);
        // With one image a class both are the same.
        Assert.Equal(report.NearestPrototype.Mean, report.NearestNeighbour.Mean, 1e-12);
    }

    [Theory]
    [InlineData(nameof(FeatureDistance.Cosine))]
    [InlineData(nameof(FeatureDistance.Euclidean))]
    public void AccuraciesAreThoseOfPlainDoubles(string near)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var scope = NewDisposeScope();
        // The classes have centres, so that neither all nor none is right.
        long[] labels = [.. Enumerable.Range(0, 72).Select(i => (long)(i % 6))];
        var features = RetrievalTests.Random(72, 4, seed: 5) + RetrievalTests.Random(6, 4, seed: 6).index_select(0, tensor(labels));
        using var set = new FeatureSet("images", features.alias(), labels);
        var options = new FewShotOptions { Ways = 3, Shots = 2, Queries = 4, Episodes = 50, Seed = 11, Distance = distance };
        var report = new FewShot(options).Evaluate(set, Stop);

        double[][] rows = [.. Enumerable.Range(0, 72).Select(i => Scaled(features[i].data<double>().ToArray()))];
        var (prototypes, neighbours) = (new List<double>(), new List<double>());
        for (var episode = 0; episode < 50; episode++)
        {
            var random = EvaluationDraw.Of(11, EvaluationDraw.Episodes, episode);
            var drawn = EvaluationDraw.Distinct(ref random, 3, 6);
            var chosen = new List<int[]>();
            foreach (var kind in drawn)
            {
                chosen.Add([.. EvaluationDraw.Distinct(ref random, 6, 12).Select(i => kind + (6 * i))]);
            }

            var (byPrototype, byNeighbour) = (0, 0);
            double[][] centres = [.. chosen.Select(c => Scaled([.. Enumerable.Range(0, 4).Select(d => (rows[c[0]][d] + rows[c[1]][d]) / 2)]))];
            for (var kind = 0; kind < 3; kind++)
            {
                foreach (var query in chosen[kind].Skip(2))
                {
                    byPrototype += Enumerable.Range(0, 3).MinBy(k => Far(rows[query], centres[k])) == kind ? 1 : 0;
                    byNeighbour += Enumerable.Range(0, 3).MinBy(k => chosen[k].Take(2).Min(i => Far(rows[query], rows[i]))) == kind ? 1 : 0;
                }
            }

            prototypes.Add(byPrototype / 12.0);
            neighbours.Add(byNeighbour / 12.0);
        }

        Assert.Equal(prototypes.Average(), report.NearestPrototype.Mean, 1e-12);
        Assert.Equal(neighbours.Average(), report.NearestNeighbour.Mean, 1e-12);
        var error = Math.Sqrt(prototypes.Sum(a => Math.Pow(a - prototypes.Average(), 2)) / 49 / 50);
        Assert.Equal(1.96 * error, report.NearestPrototype.HalfWidth, 1e-12);

        static double Far(double[] a, double[] b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum();
        double[] Scaled(double[] row) => distance == FeatureDistance.Euclidean ? row : [.. row.Select(x => x / Math.Sqrt(row.Sum(y => y * y)))];
    }

    [Theory]
    [InlineData(5, 1, 15, 512)]
    [InlineData(20, 5, 15, 64)]
    [InlineData(100, 20, 50, 2048)]
    [InlineData(1000, 50, 100, 128)] // all similarities of one episode would be 40 GB
    [InlineData(10_000, 10_000, 10_000, 1)]
    public void SimilaritiesStayWithinBounds(int ways, int shots, int queries, long width)
    {
        const long Most = 1 << 22;
        var options = new FewShotOptions { Ways = ways, Shots = shots, Queries = queries };
        var (episodes, tile) = new FewShot(options, Most).AtOnce(width);
        long given = ways * shots, asked = ways * queries;
        Assert.InRange(episodes, 1, options.Episodes);
        Assert.InRange(tile, 1, asked);
        Assert.True(episodes * tile * given <= Most || (episodes, tile) == (1, 1), $"{episodes} episodes, {tile} queries");
        Assert.True(episodes * (given + asked) * width <= Most || episodes == 1, $"{episodes} episodes");
        // As many as may be: one more query, or where all are taken one more episode, would be too many.
        Assert.True(
            tile < asked
                ? episodes * (tile + 1) * given > Most
                : episodes == options.Episodes || (episodes + 1) * Math.Max((given + asked) * width, given * asked) > Most,
            $"{episodes} episodes, {tile} queries");
    }

    [Theory]
    [InlineData(nameof(FeatureDistance.Cosine), 1)]
    [InlineData(nameof(FeatureDistance.Cosine), 50)]
    [InlineData(nameof(FeatureDistance.Euclidean), 1)]
    [InlineData(nameof(FeatureDistance.Euclidean), 50)]
    [InlineData(nameof(FeatureDistance.Euclidean), 500)]
    public void AccuraciesDoNotDependOnHowMuchIsComputedAtOnce(string near, long numbers)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var set = Set(RetrievalTests.Random(200, 8, seed: 3), 6);
        var options = new FewShotOptions { Ways = 4, Shots = 2, Episodes = 30, Queries = 3, Distance = distance };
        Assert.NotEqual(new FewShot(options).AtOnce(8), new FewShot(options, numbers).AtOnce(8));
        var (whole, parts) = (new FewShot(options).Evaluate(set, Stop), new FewShot(options, numbers).Evaluate(set, Stop));
        Assert.Equal(whole.NearestPrototype, parts.NearestPrototype);
        Assert.Equal(whole.NearestNeighbour, parts.NearestNeighbour);
    }

    [Fact]
    public void ClassesFarApartAreToldApart()
    {
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, 120).Select(i => (long)(i % 6))];
        using var set = new FeatureSet("images", eye(6).index_select(0, tensor(labels)) + (RetrievalTests.Random(120, 6, seed: 1) * 0.01), labels);
        var report = new FewShot(new() { Ways = 5, Shots = 3, Episodes = 20, Queries = 4 }).Evaluate(set, Stop);
        Assert.Equal(new MeanEstimate(1, 0), report.NearestPrototype);
        Assert.Equal(new MeanEstimate(1, 0), report.NearestNeighbour);
    }

    [Fact]
    public void EpisodesAreAFunctionOfTheSeed()
    {
        using var set = Set(RetrievalTests.Random(200, 8, seed: 3), 6);
        var options = new FewShotOptions { Episodes = 30, Queries = 3 };
        Assert.Equal(new FewShot(options).Evaluate(set, Stop).NearestNeighbour, new FewShot(options).Evaluate(set, Stop).NearestNeighbour);
        Assert.NotEqual(
            new FewShot(options).Evaluate(set, Stop).NearestNeighbour,
            new FewShot(new() { Episodes = 30, Queries = 3, Seed = 2 }).Evaluate(set, Stop).NearestNeighbour);
    }

    [Fact]
    public void ClassesThatAreTooSmallAreLeftOutOrRefused()
    {
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, 60).Select(i => i < 55 ? (long)(i % 5) : 5)];
        using var set = new FeatureSet("images", RetrievalTests.Random(60, 4, seed: 1), labels);
        var report = new FewShot(new() { Queries = 9, Episodes = 3 }).Evaluate(set, Stop);
        Assert.Equal((5, "1 of 6 classes are left out: they have fewer than 10 images"), (report.Classes, Assert.Single(report.Notes)));
        Assert.StartsWith(
            "images: 0 of 6 classes have the 16 images that an episode takes of each (1 given, 15 asked for), must be at least 5",
            Assert.Throws<DataException>(() => new FewShot(new()).Evaluate(set, Stop)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(3, 1000)]
    [InlineData(60, 100)]
    public void WhatIsDrawnIsDistinctAndFair(int wanted, int count)
    {
        var counts = new int[count];
        for (var i = 0; i < 500; i++)
        {
            var random = EvaluationDraw.Of(1, EvaluationDraw.Episodes, i);
            var drawn = EvaluationDraw.Distinct(ref random, wanted, count);
            Assert.Equal(wanted, drawn.Distinct().Count());
            Assert.All(drawn, place => counts[place]++);
        }

        var mean = 500.0 * wanted / count;
        Assert.All(counts, c => Assert.InRange(c, mean - (6 * Math.Sqrt(mean)), mean + (6 * Math.Sqrt(mean)) + 3));
    }

    private static FeatureSet Set(Tensor features, int classes) =>
        new("images", features, [.. Enumerable.Range(0, (int)features.shape[0]).Select(i => (long)(i % classes))]);
}

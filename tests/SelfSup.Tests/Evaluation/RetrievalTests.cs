using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class RetrievalTests
{
    private static readonly RetrievalOptions _whole = new() { Distance = FeatureDistance.Euclidean, WholeRanking = true };

    [GoldenComponent("retrieval_metrics")]
    internal static void Measures(GoldenCase golden)
    {
        int[] recallAt = [.. golden.Outputs.EnumerateObject().Where(o => o.Name.StartsWith("recall_at_", StringComparison.Ordinal))
            .Select(o => int.Parse(o.Name["recall_at_".Length..], System.Globalization.CultureInfo.InvariantCulture))];
        var retrieval = new Retrieval(new() { Distance = FeatureDistance.Euclidean, WholeRanking = true, RecallAt = recallAt });
        using var queries = Set(golden, "query");
        using var reference = Set(golden, "reference");
        var report = golden.Params.GetProperty("reference_is_query").GetBoolean()
            ? retrieval.Evaluate(queries, cancellationToken: Stop)
            : retrieval.Evaluate(queries, reference, cancellationToken: Stop);

        foreach (var k in recallAt)
        {
            Assert.Equal(golden.Outputs.GetProperty($"recall_at_{k}").GetDouble(), report.Mean.RecallAt[k], 1e-12);
        }

        // The reference's mean over classes of this one measure is in float32.
        Close(golden.Outputs.GetProperty("micro"), report.Mean, 1e-12);
        Close(golden.Outputs.GetProperty("avg_of_avgs"), report.MeanPerClass, 1e-6);
    }

    [Theory]
    [InlineData(nameof(FeatureDistance.Cosine))]
    [InlineData(nameof(FeatureDistance.Euclidean))]
    public void MeasuresAreThoseOfTheirDefinitions(string near)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var scope = NewDisposeScope();
        var features = Random(60, 5, seed: 3);
        long[] labels = [.. Enumerable.Range(0, 60).Select(i => (long)((i * i) % 7))];
        using var set = new FeatureSet("images", features.alias(), labels);
        var report = new Retrieval(new() { Distance = distance, WholeRanking = true, RecallAt = [1, 3] }).Evaluate(set, cancellationToken: Stop);

        var rows = Enumerable.Range(0, 60).Select(i => features[i].data<double>().ToArray()).ToArray();
        var (mapAtR, map, mrr, recall, precision, judged) = (0.0, 0.0, 0.0, 0.0, 0.0, 0);
        for (var q = 0; q < 60; q++)
        {
            int[] ranked = [.. Enumerable.Range(0, 60).Where(i => i != q).OrderBy(i => Far(rows[q], rows[i], distance))];
            bool[] right = [.. ranked.Select(i => labels[i] == labels[q])];
            var r = right.Count(x => x);
            if (r == 0)
            {
                continue;
            }

            judged++;
            double Average(int count) => Enumerable.Range(0, count).Where(i => right[i]).Sum(i => right.Take(i + 1).Count(x => x) / (i + 1.0)) / r;
            mapAtR += Average(r);
            map += Average(59);
            mrr += 1.0 / (Array.IndexOf(right, true) + 1);
            recall += right.Take(3).Any(x => x) ? 1 : 0;
            precision += right.Take(r).Count(x => x) / (double)r;
        }

        Assert.Equal(judged, report.Queries);
        Assert.Equal(mapAtR / judged, report.Mean.MapAtR, 1e-12);
        Assert.Equal(map / judged, report.Mean.Map!.Value, 1e-12);
        Assert.Equal(mrr / judged, report.Mean.Mrr!.Value, 1e-12);
        Assert.Equal(recall / judged, report.Mean.RecallAt[3], 1e-12);
        Assert.Equal(precision / judged, report.Mean.RPrecision, 1e-12);
        Assert.Equal(report.Mean.PrecisionAt1, report.Mean.RecallAt[1], 1e-15);
    }

    [Fact]
    public void ShortRankingsAgreeWithWholeOnes()
    {
        using var scope = NewDisposeScope();
        // Classes of 1 to 200 images: several groups of queries, one class without another image.
        long[] labels = [.. Enumerable.Range(0, 400).Select(i => i < 200 ? 0L : i < 300 ? 1 : i < 399 ? 2 + (i % 9) : 50)];
        using var set = new FeatureSet("images", Random(400, 8, seed: 5).to(float32), labels);
        var few = new Retrieval(new() { RecallAt = [1, 10] }).Evaluate(set, cancellationToken: Stop);
        var whole = new Retrieval(new() { RecallAt = [1, 10], WholeRanking = true }).Evaluate(set, cancellationToken: Stop);
        Assert.Equal(whole.Mean.MapAtR, few.Mean.MapAtR, 1e-15);
        Assert.Equal(whole.Mean.RecallAt, few.Mean.RecallAt);
        Assert.Equal(whole.Classes, few.Classes);
        Assert.Null(few.Mean.Map);
        Assert.Equal(1, few.LeftOut);
        Assert.StartsWith("1 of 400 images are left out", Assert.Single(few.Notes), StringComparison.Ordinal);
        Assert.Equal(["mapAtR", "precisionAt1", "rPrecision", "recallAt1", "recallAt10"], few.Numbers.Keys.Order());
    }

    [Fact]
    public void ClassesFarApartAreFoundWithoutMistake()
    {
        using var scope = NewDisposeScope();
        var centres = eye(4, dtype: float32).repeat_interleave(tensor(10L), dim: 0);
        using var set = new FeatureSet("images", centres + (Random(40, 4, seed: 1).to(float32) * 0.01), [.. Enumerable.Range(0, 40).Select(i => i / 10L)]);
        var report = new Retrieval(_whole).Evaluate(set, cancellationToken: Stop);
        Assert.All(report.Numbers.Values, value => Assert.Equal(1, value, 1e-12));
    }

    [Fact]
    public void TheOrderOfTheImagesDoesNotMatter()
    {
        using var scope = NewDisposeScope();
        var features = Random(90, 6, seed: 8);
        long[] labels = [.. Enumerable.Range(0, 90).Select(i => (long)(i % 5))];
        long[] order = [.. Enumerable.Range(0, 90).Select(i => (i * 37L) % 90)];
        using var set = new FeatureSet("images", features.alias(), labels);
        using var other = new FeatureSet("images", features.index_select(0, tensor(order)), [.. order.Select(i => labels[i])]);
        var (first, second) = (new Retrieval(_whole).Evaluate(set, cancellationToken: Stop).Numbers, new Retrieval(_whole).Evaluate(other, cancellationToken: Stop).Numbers);
        Assert.All(first, pair => Assert.Equal(pair.Value, second[pair.Key], 1e-12));
    }

    [Fact]
    public void OfEquallyNearImagesTheFirstIsFoundFirst()
    {
        using var scope = NewDisposeScope();
        // All alike: queries of class 0 find image 0 or 1 first, which are of their class; the others never are.
        using var set = new FeatureSet("images", ones(6, 3), [0, 0, 0, 1, 1, 1]);
        var report = new Retrieval(new() { RecallAt = [1, 5] }).Evaluate(set, cancellationToken: Stop);
        Assert.Equal([1, 0], report.Classes.Select(c => c.PrecisionAt1));
        Assert.Equal([1, 0], report.Classes.Select(c => c.MapAtR));
        Assert.Equal(1, report.Mean.RecallAt[5]);
    }

    [Fact]
    public void AnotherSetIsMatchedByClassNames()
    {
        using var scope = NewDisposeScope();
        using var reference = new FeatureSet("reference", eye(4, dtype: float32), [0, 0, 1, 2], ["ant", "bee", "cat"]);
        using var queries = new FeatureSet("queries", eye(4, dtype: float32), [0, 1, 1, 2], ["ant", "cat", "dog"]);
        var report = new Retrieval(new() { RecallAt = [1, 4] }).Evaluate(queries, reference, cancellationToken: Stop);
        Assert.Equal((3, 1), (report.Queries, report.LeftOut));
        Assert.Equal(1.0 / 3, report.Mean.PrecisionAt1, 1e-15); // 'ant' finds itself, 'cat' finds 'ant' and 'bee'
        Assert.Equal(1, report.Mean.RecallAt[4]);
        Assert.Contains("'dog'", Assert.Single(report.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatCannotBeJudgedIsSaid()
    {
        using var scope = NewDisposeScope();
        using var lonely = new FeatureSet("photos", eye(3), [0, 1, 2]);
        using var one = new FeatureSet("photos", eye(3), [1, 1, 1]);
        using var bare = new FeatureSet("photos", eye(3), [-1, -1, -1]);
        var retrieval = new Retrieval(new() { RecallAt = [1] });
        Assert.StartsWith("photos: none of 3 images has another one of its class", Message<DataException>(lonely, retrieval), StringComparison.Ordinal);
        Assert.StartsWith("photos: all 3 images are of one class", Message<DataException>(one, retrieval), StringComparison.Ordinal);
        Assert.StartsWith("photos: none of 3 images has a label", Message<DataException>(bare, retrieval), StringComparison.Ordinal);
        Assert.StartsWith(
            "retrieval: recall at 0, 3, must be at numbers from 1 to 2",
            Message<RecipeException>(lonely, new Retrieval(new() { RecallAt = [0, 1, 3] })),
            StringComparison.Ordinal);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static string Message<T>(FeatureSet set, Retrieval retrieval)
        where T : Exception => Assert.Throws<T>(() => retrieval.Evaluate(set, cancellationToken: Stop)).Message;

    internal static Tensor Random(long rows, long columns, int seed)
    {
        using var generator = new Generator((ulong)seed);
        return randn(rows, columns, dtype: float64, generator: generator);
    }

    private static double Far(double[] a, double[] b, FeatureDistance distance) => distance == FeatureDistance.Euclidean
        ? a.Zip(b, (x, y) => (x - y) * (x - y)).Sum()
        : -a.Zip(b, (x, y) => x * y).Sum() / Math.Sqrt(a.Sum(x => x * x) * b.Sum(x => x * x));

    private static void Close(System.Text.Json.JsonElement expected, RetrievalMeasures actual, double ofMrr)
    {
        Assert.Equal(expected.GetProperty("mean_average_precision").GetDouble(), actual.Map!.Value, 1e-9);
        Assert.Equal(expected.GetProperty("mean_average_precision_at_r").GetDouble(), actual.MapAtR, 1e-9);
        Assert.Equal(expected.GetProperty("precision_at_1").GetDouble(), actual.PrecisionAt1, 1e-9);
        Assert.Equal(expected.GetProperty("r_precision").GetDouble(), actual.RPrecision, 1e-9);
        Assert.Equal(expected.GetProperty("mean_reciprocal_rank").GetDouble(), actual.Mrr!.Value, ofMrr);
    }

    private static FeatureSet Set(GoldenCase golden, string name)
    {
        long[] labels = [.. GoldenCase.Numbers(golden.Input($"{name}_labels")).Select(label => (long)label)];
        return new FeatureSet(name, GoldenCase.Tensor(golden.Input(name)), labels);
    }
}

using SelfSup.Errors;
using SelfSup.Evaluation;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class GalleryTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public void ImagesAreOfTheNearestIdentityOrOfNobody()
    {
        using var scope = NewDisposeScope();
        using var known = Set("gallery", ["ann", "bob"], (0, 0), (10, 0), (90, 1));
        // Ann at 5 degrees, Bob at 80, Bob at 30 who is taken for Ann, Cleo at 170 and at 88.
        using var queries = Set("queries", ["bob", "ann", "cleo"], (5, 1), (80, 0), (30, 0), (170, 2), (88, 2));
        var gallery = new Gallery(known, FeatureDistance.Cosine);
        var threshold = Math.Cos(Math.PI * 25 / 180);
        var found = gallery.Find(queries, threshold, Stop);
        Assert.Equal(["ann", "bob", "ann", "bob", "bob"], found.Select(f => f.Identity));
        Assert.Equal([true, true, true, false, true], found.Select(f => f.IsAccepted));
        Assert.Equal(["ann", "bob", "bob", "cleo", "cleo"], found.Select(f => f.Truth!));
        Assert.Equal(2, found[1].Place);
        Assert.Equal(Math.Cos(Math.PI * 10 / 180), found[1].Similarity, 1e-12);

        var report = gallery.Report(found, threshold, null);
        Assert.Equal((2, 3, 5, 4), (report.Identities, report.GalleryImages, report.Queries, report.Accepted));
        Assert.Equal((3, 2), (report.Known, report.Unknown));
        Assert.Equal(2.0 / 3, report.Rank1!.Value, 1e-12);
        Assert.Equal(2.0 / 3, report.Right!.Value, 1e-12);
        Assert.Equal(1.0 / 3, report.Wrong!.Value, 1e-12);
        Assert.Equal(0, report.Rejected);
        Assert.Equal(0.5, report.UnknownRejected);
    }

    [Fact]
    public void TheThresholdIsTheLowestThatKeepsToTheRate()
    {
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, 200).Select(i => (long)(i % 10))];
        var features = RetrievalTests.Random(10, 4, seed: 2).index_select(0, tensor(labels)) + (RetrievalTests.Random(200, 4, seed: 3) * 0.3);
        using var known = new FeatureSet("gallery", features.alias(), labels, [.. labels.Distinct().Select(l => $"id {l}")]);
        var unit = features / features.norm(1, true, 2);
        var all = unit.matmul(unit.t());
        double[] others = [.. Enumerable.Range(0, 200).Select(i => Enumerable.Range(0, 200).Where(j => labels[j] != labels[i]).Max(j => all[i, j].item<double>()))];
        foreach (var rate in new[] { 0.0, 0.05, 0.5 })
        {
            var chosen = new Gallery(known, FeatureDistance.Cosine).ChooseThreshold(rate);
            Assert.InRange(chosen.FalseAcceptRate, 0, rate);
            // Two images that are each other's nearest stranger are equally similar but for rounding.
            Assert.InRange(others.Count(s => s >= chosen.Threshold + 1e-9) / 200.0, 0, rate);
            Assert.True(others.Count(s => s >= chosen.Threshold - 1e-9) / 200.0 > rate, "a lower threshold keeps to it too");
            double Nearest(int i, int j) => i == j ? -2 : all[i, j].item<double>();
            var right = Enumerable.Range(0, 200).Count(i =>
                Enumerable.Range(0, 200).MaxBy(j => Nearest(i, j)) is var best && labels[best] == labels[i] && Nearest(i, best) >= chosen.Threshold);
            Assert.Equal(right / 200.0, chosen.RightRate!.Value, 1e-12);
        }
    }

    [Fact]
    public void OneImageOfEachIsEnough()
    {
        using var scope = NewDisposeScope();
        using var known = Set("gallery", ["ann", "bob", "cleo"], (0, 0), (45, 1), (180, 2));
        var chosen = new Gallery(known, FeatureDistance.Euclidean).ChooseThreshold(0.01);
        Assert.Equal((0, null), (chosen.FalseAcceptRate, chosen.RightRate));
        Assert.Equal(-2 * Math.Sin(Math.PI * 22.5 / 180), chosen.Threshold, 1e-6); // just nearer than Ann and Bob are
        Assert.True(chosen.Threshold > -2 * Math.Sin(Math.PI * 22.5 / 180) - 1e-9);
    }

    [Fact]
    public void WhoHasNoNameIsOnlyLookedUp()
    {
        using var scope = NewDisposeScope();
        using var known = Set("gallery", ["ann", "bob"], (0, 0), (90, 1));
        using var queries = new FeatureSet("queries", Angles(3, 87), [-1, -1]);
        var gallery = new Gallery(known, FeatureDistance.Cosine);
        var found = gallery.Find(queries, 0.9, Stop);
        Assert.All(found, f => Assert.Null(f.Truth));
        var report = gallery.Report(found, 0.9, null);
        Assert.Equal((0, 0, 2), (report.Known, report.Unknown, report.Accepted));
        Assert.Equal((null, null, null), (report.Rank1, report.Wrong, report.UnknownRejected));
    }

    [Fact]
    public void AThresholdNeedsTwoIdentities()
    {
        using var scope = NewDisposeScope();
        using var one = Set("gallery", ["ann"], (0, 0), (10, 0));
        var error = Assert.Throws<DataException>(() => new Gallery(one, FeatureDistance.Cosine).ChooseThreshold(0.01));
        Assert.StartsWith("gallery: all 2 images are of one class, must be of at least two", error.Message, StringComparison.Ordinal);
        using var bare = new FeatureSet("gallery", Angles(0), [-1]);
        Assert.Throws<DataException>(() => new Gallery(bare, FeatureDistance.Cosine));
    }

    private static FeatureSet Set(string name, string[] classes, params (double Degrees, long Label)[] images) =>
        new(name, Angles([.. images.Select(i => i.Degrees)]), [.. images.Select(i => i.Label)], classes);

    private static Tensor Angles(params double[] degrees)
    {
        double[] radians = [.. degrees.Select(d => d * Math.PI / 180)];
        return stack([tensor(radians.Select(Math.Cos).ToArray()), tensor(radians.Select(Math.Sin).ToArray())], 1);
    }
}

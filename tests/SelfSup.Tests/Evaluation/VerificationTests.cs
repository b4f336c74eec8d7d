using SelfSup.Errors;
using SelfSup.Evaluation;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Evaluation;

public sealed class VerificationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [GoldenComponent("verification")]
    internal static void Curve(GoldenCase golden)
    {
        var curve = new RocCurve(
            GoldenCase.Numbers(golden.Input("scores")), [.. GoldenCase.Numbers(golden.Input("same")).Select(s => s != 0)]);
        double Expected(string name) => golden.Outputs.GetProperty(name).GetDouble();
        Assert.Equal(Expected("auc"), curve.Area, 1e-9);
        Assert.Equal(Expected("average_precision"), curve.AveragePrecision, 1e-9);
        Assert.Equal(Expected("eer"), curve.EqualErrorRate, 1e-9);
        Assert.Equal(Expected("eer_discrete"), curve.DiscreteEqualErrorRate, 1e-9);
        Assert.Equal(Expected("best_accuracy"), curve.Best.Accuracy, 1e-9);
        Assert.Equal(Expected("best_threshold"), curve.Best.Threshold, 1e-9);
        GoldenCase.Close(golden.Outputs.GetProperty("roc_fpr"), tensor(curve.FalseAcceptRates), 1e-12);
        GoldenCase.Close(golden.Outputs.GetProperty("roc_tpr"), tensor(curve.TrueAcceptRates), 1e-12);
        foreach (var rate in golden.Outputs.GetProperty("tar_at_far").EnumerateObject())
        {
            var far = double.Parse(rate.Name, System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(rate.Value.GetDouble(), curve.TrueAcceptRate(far), 1e-9);
        }
    }

    [Fact]
    public void ScoresThatKnowNothingHaveHalfTheArea()
    {
        using var scope = NewDisposeScope();
        var scores = RetrievalTests.Random(40_000, 1, seed: 7).data<double>().ToArray();
        bool[] same = [.. Enumerable.Range(0, 40_000).Select(i => i % 2 == 0)];
        var curve = new RocCurve(scores, same);
        Assert.InRange(curve.Area, 0.5 - 0.015, 0.5 + 0.015); // five standard errors of 1 / sqrt(12 n)
        Assert.InRange(curve.EqualErrorRate, 0.485, 0.515);
        Assert.InRange(curve.TrueAcceptRate(0.1), 0.085, 0.115);
        Assert.Equal(0.5, new RocCurve(new double[4], [true, false, false, true]).Area, 1e-15); // all alike
    }

    [Fact]
    public void ScoresThatTellAllHaveTheWholeArea()
    {
        var curve = new RocCurve([0.9, 0.8, 0.1, 0.2], [true, true, false, false]);
        Assert.Equal((1, 1, 0, 1), (curve.Area, curve.AveragePrecision, curve.EqualErrorRate, curve.TrueAcceptRate(1e-4)));
        Assert.Equal((1, 0.8), curve.Best);
        var reversed = new RocCurve([-0.9, -0.8, -0.1, -0.2], [true, true, false, false]);
        Assert.Equal((0, 1), (reversed.Area, reversed.EqualErrorRate));
        Assert.Equal((0.5, double.PositiveInfinity), reversed.Best); // best is to accept none
    }

    [Fact]
    public void TheAreaIsTheShareOfPairsInOrder()
    {
        using var scope = NewDisposeScope();
        double[] scores = [.. RetrievalTests.Random(200, 1, seed: 2).data<double>().Select(s => Math.Round(s, 1))];
        bool[] same = [.. Enumerable.Range(0, 200).Select(i => i % 3 == 0)];
        var (wins, all) = (0.0, 0);
        foreach (var a in Enumerable.Range(0, 200).Where(i => same[i]))
        {
            foreach (var b in Enumerable.Range(0, 200).Where(i => !same[i]))
            {
                wins += scores[a] > scores[b] ? 1 : scores[a] == scores[b] ? 0.5 : 0;
                all++;
            }
        }

        Assert.Equal(wins / all, new RocCurve(scores, same).Area, 1e-12);
        int[] order = [.. Enumerable.Range(0, 200).Select(i => (i * 77) % 200)];
        var other = new RocCurve([.. order.Select(i => scores[i])], [.. order.Select(i => same[i])]);
        Assert.Equal(wins / all, other.Area, 1e-12);
    }

    [Theory]
    [InlineData(40, 6)] // classes enough for folds of their own
    [InlineData(4, 100)]
    public void DrawnPairsAreBalancedAndFoldsShareNothing(int classes, int images)
    {
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, classes * images).Select(i => (long)(i % classes))];
        using var set = new FeatureSet("faces", ones(labels.Length, 2), labels);
        var drawn = new PairDraw(set, 10, seed: 3).Draw(400);
        Assert.Equal(400, drawn.Pairs.Count);
        Assert.Equal(400, drawn.Pairs.Select(p => (Math.Min(p.First, p.Second), Math.Max(p.First, p.Second))).Distinct().Count());
        Assert.All(drawn.Pairs, pair => Assert.Equal(pair.IsSame, labels[pair.First] == labels[pair.Second]));
        Assert.All(drawn.Pairs, pair => Assert.NotEqual(pair.First, pair.Second));
        Assert.All(drawn.Pairs.GroupBy(p => p.Fold), fold => Assert.Equal((20, 20), (fold.Count(p => p.IsSame), fold.Count(p => !p.IsSame))));
        var folds = drawn.Pairs.GroupBy(p => p.Fold).Select(f => f.SelectMany(p => new[] { p.First, p.Second }).ToHashSet()).ToArray();
        Assert.Equal(10, folds.Length);
        Assert.Equal(folds.Sum(f => f.Count), folds.SelectMany(f => f).Distinct().Count());
        if (classes == 40)
        {
            Assert.Empty(drawn.Notes);
            Assert.Equal(40, folds.Sum(f => f.Select(i => labels[i]).Distinct().Count()));
        }
        else
        {
            Assert.StartsWith("folds share classes but no images", Assert.Single(drawn.Notes), StringComparison.Ordinal);
        }

        Assert.Equal(drawn.Pairs, new PairDraw(set, 10, seed: 3).Draw(400).Pairs);
        Assert.NotEqual(drawn.Pairs, new PairDraw(set, 10, seed: 4).Draw(400).Pairs);
    }

    [Fact]
    public void WhereThereAreTooFewPairsAllAreTaken()
    {
        using var scope = NewDisposeScope();
        // Two folds of two classes with two images: a pair of each class and four of two.
        using var set = new FeatureSet("faces", ones(8, 2), [0, 0, 1, 1, 2, 2, 3, 3]);
        var drawn = new PairDraw(set, 2, seed: 1).Draw(100);
        Assert.Equal((4, 4), (drawn.Pairs.Count(p => p.IsSame), drawn.Pairs.Count(p => !p.IsSame)));
        Assert.Equal("8 pairs, not 100: there are no more within the folds", Assert.Single(drawn.Notes));
        Assert.StartsWith(
            "faces: 8 images of 4 classes are too few for 10 folds",
            Assert.Throws<DataException>(() => new PairDraw(set, 10, seed: 1).Draw(100)).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "verification: 19 pairs, must be at least 20 for 10 folds",
            Assert.Throws<RecipeException>(() => new PairDraw(set, 10, seed: 1).Draw(19)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(FeatureDistance.Cosine))]
    [InlineData(nameof(FeatureDistance.Euclidean))]
    public void ThresholdsOfAFoldAreChosenOnTheOthers(string near)
    {
        var distance = Enum.Parse<FeatureDistance>(near);
        using var scope = NewDisposeScope();
        var features = RetrievalTests.Random(60, 3, seed: 9).to(float32);
        using var set = new FeatureSet("faces", features.alias(), [.. Enumerable.Range(0, 60).Select(i => (long)(i % 3))]);
        var pairs = new PairDraw(set, 3, seed: 1).Draw(60);
        var verification = new Verification(new() { Folds = 3, Distance = distance });
        var report = verification.Evaluate(set, pairs);

        var scores = verification.Scores(features, pairs.Pairs);
        var first = features[pairs.Pairs[5].First].data<float>().ToArray();
        var second = features[pairs.Pairs[5].Second].data<float>().ToArray();
        double Length(float[] x) => Math.Sqrt(x.Sum(v => (double)v * v));
        Assert.Equal(
            distance == FeatureDistance.Euclidean
                ? -Math.Sqrt(first.Zip(second, (a, b) => ((double)a - b) * ((double)a - b)).Sum())
                : first.Zip(second, (a, b) => (double)a * b).Sum() / Length(first) / Length(second),
            scores[5], 1e-12);

        var accuracies = new List<double>();
        for (var fold = 0; fold < 3; fold++)
        {
            int Right(double threshold, bool inside) => Enumerable.Range(0, 60)
                .Count(i => pairs.Pairs[i].Fold == fold == inside && scores[i] >= threshold == pairs.Pairs[i].IsSame);
            var best = scores.Append(double.PositiveInfinity).OrderDescending().MaxBy(t => Right(t, inside: false));
            accuracies.Add(Right(best, inside: true) / 20.0);
        }

        Assert.Equal(accuracies, report.Folds.Select(f => f.Accuracy));
        Assert.Equal(accuracies.Average(), report.FoldAccuracy, 1e-12);
        var deviation = Math.Sqrt(accuracies.Sum(a => Math.Pow(a - accuracies.Average(), 2)) / 2);
        Assert.Equal(deviation / Math.Sqrt(3), report.FoldStandardError, 1e-12);
        Assert.Contains(report.Notes, note => note.StartsWith("a false accept rate of 0.0001 allows none of 30", StringComparison.Ordinal));
    }

    [Fact]
    public void EmbeddingsThatTellClassesApartVerifyThem()
    {
        using var scope = NewDisposeScope();
        long[] labels = [.. Enumerable.Range(0, 400).Select(i => (long)(i % 8))];
        using var good = new FeatureSet("faces", eye(8).index_select(0, tensor(labels)), labels);
        var report = new Verification(new() { Pairs = 1000 }).Evaluate(good);
        Assert.Equal((1, 0, 1, 0), (report.RocArea, report.EqualErrorRate, report.FoldAccuracy, report.FoldStandardError));
        using var blind = new FeatureSet("faces", RetrievalTests.Random(400, 8, seed: 2), labels);
        Assert.InRange(new Verification(new() { Pairs = 1000 }).Evaluate(blind).FoldAccuracy, 0.4, 0.6);
    }

    [Fact]
    public void PairsAreReadFromAFile()
    {
        using var scope = NewDisposeScope();
        var file = _folder.Write("pairs.csv", "second,first,same,fold\n1,0,1,0\n2,0,0,0\n3,1,false,1\n3,2,true,1\n5,2,1,1\n");
        using var source = new MadeUpImages(6, 4);
        // Image 4 could not be read.
        using var set = new FeatureSet("faces", ones(5, 2), [-1, -1, -1, -1, -1], null, [0, 1, 2, 3, 5]);
        var read = VerificationListing.Read(file, source, 10, 1).Among(set);
        Assert.True(read.HasOwnFolds);
        Assert.Equal([new(0, 1, true, 0), new(0, 2, false, 0), new(1, 3, false, 1), new(2, 3, true, 1), new(2, 4, true, 1)], read.Pairs);
        Assert.Empty(read.Notes);

        var bare = _folder.Write("bare.csv", "first,second,label\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i % 6},{(i + 1) % 6},{i % 2}\n")));
        var dealt = VerificationListing.Read(bare, source, 4, 1).Among(set);
        Assert.False(dealt.HasOwnFolds);
        Assert.Equal(40 - 13, dealt.Pairs.Count);
        Assert.Equal([0, 1, 2, 3], dealt.Pairs.Select(p => p.Fold).Distinct().Order());
        Assert.Contains("13 of 40 pairs are left out", dealt.Notes[0], StringComparison.Ordinal);
        Assert.Contains("may share images", dealt.Notes[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("first,second,same\n0,1,1\n0,99,0\nnone.png,1,0\n", "2 of 3 rows name images that are not there, 2 of them: '99' (line 3, second), 'none.png' (line 4, first)")]
    [InlineData("first,second,same\n0,1,0.5\n", "line 2: 'same' is 0.5, must be 1 (the same) or 0")]
    [InlineData("first,second\n0,1\n", "has no column 'same' and no 'label'")]
    [InlineData("first,same\n0,1\n", "has no column 'second'")]
    [InlineData("first,second,same,fold\n0,1,1,2\n0,2,0,2\n", "all pairs are of fold 2")]
    public void PairsThatCannotBeAreRefused(string content, string message)
    {
        var file = _folder.Write("pairs.csv", content);
        using var source = new MadeUpImages(6, 4);
        var error = Assert.Throws<DataException>(() => VerificationListing.Read(file, source, 10, 1));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(file, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Lists of faces often have the name of who is on them beside it.</summary>
    [Fact]
    public void AColumnOfLabelsBesideSameIsNotRead()
    {
        var file = _folder.Write("pairs.csv", "first,second,label,same\n0,1,ann,1\n2,3,,0\n");
        using var source = new MadeUpImages(6, 4);
        Assert.Equal([true, false], VerificationListing.Read(file, source, 2, 1).Pairs.Select(p => p.IsSame));
    }

    [Theory]
    [InlineData("first,second,same\n0,1,1\n0,2,1\n0,3,0\n1,2,0\n", "4 pairs are dealt into 2 folds, not 10, which may share images; list more pairs, or lower --folds", null)]
    [InlineData("first,second,same\n0,1,1\n0,2,0\n", "2 pairs are dealt into 1 fold, not 10", "list more pairs, or lower --folds")]
    [InlineData("first,second,same,fold\n0,1,1,0\n0,2,0,0\n1,2,0,1\n", null, "faces: without fold 0 the pairs are not of both kinds, must be to choose a threshold; spread them over")]
    public void FewPairsAreSaidToBeFewAndNotToBeSpread(string content, string? note, string? error)
    {
        using var source = new MadeUpImages(6, 4);
        var listed = VerificationListing.Read(_folder.Write("pairs.csv", content), source, 10, 1);
        Assert.Contains(note ?? "", listed.Notes.SingleOrDefault() ?? "", StringComparison.Ordinal);
        Assert.Equal(note is null, listed.Notes is []);
        var refusal = Record.Exception(() => Verification.Require("faces", listed));
        Assert.Equal(error is null, refusal is null);
        Assert.Contains(error ?? "", refusal?.Message ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void PairsOfOneKindAreRefused()
    {
        using var scope = NewDisposeScope();
        using var set = new FeatureSet("faces", ones(3, 2), [0, 0, 0]);
        var error = Assert.Throws<DataException>(() => new Verification(new()).Evaluate(set, new ImagePairs([new(0, 1, true, 0)], [])));
        Assert.StartsWith("faces: all 1 pairs are the same", error.Message, StringComparison.Ordinal);
    }
}

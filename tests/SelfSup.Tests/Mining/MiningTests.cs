using SelfSup.Mining;
using SelfSup.Tests.Losses;

using static TorchSharp.torch;

namespace SelfSup.Tests.Mining;

/// <summary>What miners choose, beside loops over all triplets.</summary>
public sealed class MiningTests
{
    private static readonly long[] _labels = [0, 1, 2, 1, 0, 0, 2, 1, 5];

    [Theory]
    [InlineData(TripletKind.All)]
    [InlineData(TripletKind.Easy)]
    [InlineData(TripletKind.SemiHard)]
    [InlineData(TripletKind.Hard)]
    public void TripletsOfAKindAreThoseOfALoopInOrder(TripletKind kind)
    {
        using var scope = NewDisposeScope();
        var (d, distances) = Distances(9, 1);
        var expected = All(_labels).Where(t =>
        {
            var gap = d[t.A, t.N] - d[t.A, t.P];
            return kind switch
            {
                TripletKind.All => gap <= 0.4,
                TripletKind.Easy => gap > 0.4,
                TripletKind.SemiHard => gap is > 0 and <= 0.4,
                _ => gap <= 0,
            };
        }).ToArray();
        Assert.NotEmpty(expected);
        Assert.Equal(expected, Listed(TripletMining.Select(distances, Masks(_labels), kind, 0.4)));
        Assert.Empty(Listed(TripletMining.Select(distances[..4, ..4], Masks([1, 1, 1, 1]), kind, 0.4))); // one class
        Assert.Empty(Listed(TripletMining.Select(distances[..4, ..4], Masks([1, 2, 3, 4]), kind, 0.4))); // one image a class
    }

    [Fact]
    public void AllTripletsAndTheirPairs()
    {
        using var scope = NewDisposeScope();
        var triplets = Triplets.Of(Masks(_labels));
        Assert.Equal(All(_labels), Listed(triplets));
        var pairs = PairMasks.Of(triplets, 9, 9);
        Assert.Equal(All(_labels).Select(t => (t.A, t.P)).Distinct().Order(), Places(pairs.Positive));
        Assert.Equal(All(_labels).Select(t => (t.A, t.N)).Distinct().Order(), Places(pairs.Negative));
        Assert.Empty(Places(PairMasks.Of(Triplets.Of(Masks([1, 2])), 2, 2).Positive));
    }

    [Theory]
    [InlineData(Hardness.Easy, Hardness.Easy)]
    [InlineData(Hardness.Easy, Hardness.Hard)]
    [InlineData(Hardness.Easy, Hardness.SemiHard)]
    [InlineData(Hardness.Hard, Hardness.Easy)]
    [InlineData(Hardness.Hard, Hardness.Hard)]
    [InlineData(Hardness.Hard, Hardness.SemiHard)]
    [InlineData(Hardness.SemiHard, Hardness.Easy)]
    [InlineData(Hardness.SemiHard, Hardness.Hard)]
    public void OneOfEachAnchor(Hardness positive, Hardness negative)
    {
        using var scope = NewDisposeScope();
        var (d, distances) = Distances(9, 2);
        var expected = new List<(long, long, long)>();
        for (var a = 0; a < 9; a++)
        {
            var positives = Others(a, same: true);
            var negatives = Others(a, same: false);
            int? Pick(IEnumerable<int> others, bool nearest) => others
                .OrderBy(o => nearest ? d[a, o] : -d[a, o]).Select(o => (int?)o).FirstOrDefault();
            int? p = null, n = null;
            if (positive == Hardness.SemiHard)
            {
                n = Pick(negatives, negative == Hardness.Hard);
                p = Pick(positives.Where(o => n is { } chosen && d[a, o] < d[a, chosen]), nearest: false);
            }
            else
            {
                p = Pick(positives, positive == Hardness.Easy);
                n = negative == Hardness.SemiHard
                    ? Pick(negatives.Where(o => p is { } chosen && d[a, o] > d[a, chosen]), nearest: true)
                    : Pick(negatives, negative == Hardness.Hard);
            }

            if (p is not null && n is not null)
            {
                expected.Add((a, p.Value, n.Value));
            }
        }

        Assert.NotEmpty(expected);
        Assert.Equal(expected, Listed(TripletMining.BatchEasyHard(distances, Masks(_labels), positive, negative).Triplets!));
        if ((positive, negative) == (Hardness.Hard, Hardness.Hard))
        {
            Assert.Equal(expected, Listed(TripletMining.BatchHard(distances, Masks(_labels))));
        }

        foreach (var labels in new long[][] { [1, 1, 1], [1, 2, 3] })
        {
            Assert.Empty(Listed(TripletMining.BatchEasyHard(distances[..3, ..3], Masks(labels), positive, negative).Triplets!));
        }
    }

    [Fact]
    public void WhereAllOfAKindAreTakenTheyArePairs()
    {
        using var scope = NewDisposeScope();
        var (d, distances) = Distances(9, 3);
        var masks = Masks(_labels);
        var mined = TripletMining.BatchEasyHard(distances, masks, Hardness.All, Hardness.Hard);
        Assert.Null(mined.Triplets);
        Assert.Equal(Places(masks.Positive), Places(mined.Pairs!.Positive));
        Assert.Equal(
            Enumerable.Range(0, 8).Select(a => ((long)a, (long)Others(a, same: false).MinBy(o => d[a, o]))), Places(mined.Pairs.Negative)); // the last has no positive
        mined = TripletMining.BatchEasyHard(distances, masks, Hardness.Easy, Hardness.All);
        Assert.Equal(
            Enumerable.Range(0, 8).Select(a => ((long)a, (long)Others(a, same: true).MinBy(o => d[a, o]))), Places(mined.Pairs!.Positive));
        mined = TripletMining.BatchEasyHard(distances, masks, Hardness.All, Hardness.All);
        Assert.Equal(Places(masks.Positive), Places(mined.Pairs!.Positive));
        Assert.Equal(Places(masks.Negative).Where(p => p.Item1 < 8), Places(mined.Pairs.Negative));
        foreach (var (positive, negative) in ((Hardness, Hardness)[])
            [(Hardness.All, Hardness.All), (Hardness.All, Hardness.Hard), (Hardness.Easy, Hardness.All)])
        {
            // Anchors of one class only have no negative, and of as many classes no positive.
            foreach (var labels in new long[][] { [1, 1, 1], [1, 2, 3] })
            {
                var none = TripletMining.BatchEasyHard(distances[..3, ..3], Masks(labels), positive, negative).Pairs!;
                Assert.Empty(Places(none.Positive));
                Assert.Empty(Places(none.Negative));
            }
        }

        Assert.Throws<ArgumentException>(() => TripletMining.BatchEasyHard(distances, masks, Hardness.All, Hardness.SemiHard));
    }

    [Fact]
    public void PairsThatAreHardBesideTheHardestOfTheOtherKind()
    {
        using var scope = NewDisposeScope();
        var (d, distances) = Distances(9, 4);
        var mined = PairMining.MultiSimilarity(distances, Masks(_labels), 0.1);
        var positive = from a in Enumerable.Range(0, 9)
                       from p in Others(a, same: true)
                       where d[a, p] > Others(a, same: false).Min(n => d[a, n]) - 0.1
                       select ((long)a, (long)p);
        var negative = from a in Enumerable.Range(0, 8)
                       from n in Others(a, same: false)
                       where d[a, n] < Others(a, same: true).Max(p => d[a, p]) + 0.1
                       select ((long)a, (long)n);
        Assert.Equal(positive, Places(mined.Positive));
        Assert.Equal(negative, Places(mined.Negative));
        Assert.Empty(Places(PairMining.MultiSimilarity(distances[..3, ..3], Masks([1, 1, 1]), 0.1).Positive));
        Assert.Empty(Places(PairMining.MultiSimilarity(distances[..3, ..3], Masks([1, 2, 3]), 0.1).Negative));
    }

    /// <summary>Each positive pair draws a negative as often as the inverse of the density of its distance says.</summary>
    [Fact]
    public void NegativesAreDrawnByTheirDistance()
    {
        using var scope = NewDisposeScope();
        const int Width = 8;
        const int Positives = 500;
        const int Steps = 40;
        const double Draws = Positives * Steps;
        double[] far = [0.3, 0.5, 0.9, 1.2, 1.35, 1.5];
        var distances = tensor([0, .. Enumerable.Repeat(0.7, Positives), .. far]).unsqueeze(0);
        var masks = PairMasks.Of(
            tensor(new long[] { 0 }), tensor([0, .. Enumerable.Repeat(0L, Positives), 1, 1, 1, 2, 2, 2]), 0);
        double Weight(double d)
        {
            var at = Math.Max(d, 0.5);
            return d >= 1.4 ? 0 : 1 / (Math.Pow(at, Width - 2) * Math.Pow(1 - (at * at / 4), (Width - 3) / 2.0));
        }

        var counts = new int[far.Length];
        for (var step = 0; step < Steps; step++)
        {
            using var inner = NewDisposeScope();
            var drawn = Listed(TripletMining.DistanceWeighted(distances, masks, 0.5, 1.4, new MiningDraw(3, step, Width)));
            Assert.Equal(Enumerable.Range(1, Positives).Select(p => (0L, (long)p)), drawn.Select(t => (t.A, t.P)));
            foreach (var (_, _, n) in drawn)
            {
                counts[n - 1 - Positives]++;
            }
        }

        var sum = far.Sum(Weight);
        foreach (var (count, distance) in counts.Zip(far))
        {
            var expected = Weight(distance) / sum;
            Assert.InRange(count / Draws, expected - (5 * Math.Sqrt(expected / Draws)), expected + (5 * Math.Sqrt(expected / Draws)));
        }

        Assert.Equal(0, counts[^1]);
    }

    [Fact]
    public void DrawnNegativesAreAFunctionOfSeedAndStep()
    {
        using var scope = NewDisposeScope();
        var (_, distances) = Distances(9, 5);
        List<(long A, long P, long N)> Drawn(ulong seed, long step, double cutoff = 2) =>
            Listed(TripletMining.DistanceWeighted(distances, Masks(_labels), 0.5, cutoff, new MiningDraw(seed, step, 4)));
        var drawn = Drawn(1, 7);
        Assert.Equal(drawn, Drawn(1, 7));
        Assert.NotEqual(drawn, Drawn(1, 8));
        Assert.NotEqual(drawn, Drawn(2, 7));
        Assert.Equal(All(_labels).Select(t => (t.A, t.P)).Distinct(), drawn.Select(t => (t.A, t.P)));
        Assert.All(drawn, t => Assert.NotEqual(_labels[t.A], _labels[t.N]));
        Assert.Empty(Drawn(1, 7, cutoff: 0.01)); // nobody is near enough
        Assert.Empty(Listed(TripletMining.DistanceWeighted(distances[..3, ..3], Masks([1, 1, 1]), 0.5, 1.4, new MiningDraw(1, 1, 4))));
    }

    /// <summary>Anchors against a memory in which they are at some place.</summary>
    [Fact]
    public void TripletsAreOfReferences()
    {
        using var scope = NewDisposeScope();
        long[] labels = [0, 1], memory = [1, 0, 0, 1, 2];
        var masks = PairMasks.Of(tensor(labels), tensor(memory), 2);
        Assert.Equal([(0, 1, 0), (0, 1, 3), (0, 1, 4), (1, 0, 1), (1, 0, 2), (1, 0, 4)], Listed(Triplets.Of(masks)));
        Assert.Equal(2, PairMasks.Of(tensor(labels), tensor(memory), null).Positive[0].sum().item<long>());
    }

    private static int[] Others(int anchor, bool same) =>
        [.. Enumerable.Range(0, 9).Where(o => o != anchor && _labels[o] == _labels[anchor] == same)];

    private static (double[,] Plain, Tensor Distances) Distances(int rows, int seed)
    {
        var x = LossComparison.Unit(rows, 4, seed);
        var distances = (x.unsqueeze(1) - x.unsqueeze(0)).norm(2);
        var plain = new double[rows, rows];
        Buffer.BlockCopy(distances.data<double>().ToArray(), 0, plain, 0, rows * rows * sizeof(double));
        return (plain, distances);
    }

    private static PairMasks Masks(long[] labels) => PairMasks.Of(tensor(labels), tensor(labels), 0);

    private static List<(long A, long P, long N)> All(long[] labels) =>
        [.. MetricLosses.PlainLosses.Triplets(labels).Select(t => ((long)t.A, (long)t.P, (long)t.N))];

    private static List<(long A, long P, long N)> Listed(Triplets triplets)
    {
        var (a, p, n) = (Numbers(triplets.Anchor), Numbers(triplets.Positive), Numbers(triplets.Negative));
        return [.. Enumerable.Range(0, a.Length).Select(i => (a[i], p[i], n[i]))];
    }

    private static IEnumerable<(long, long)> Places(Tensor mask) => Numbers(mask.nonzero()).Chunk(2).Select(c => (c[0], c[1]));

    private static long[] Numbers(Tensor places) => places.numel() == 0 ? [] : places.data<long>().ToArray();
}

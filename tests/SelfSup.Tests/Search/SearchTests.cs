using System.Text;

using SelfSup.Errors;
using SelfSup.Search;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Search;

/// <summary>Neighbours and near-duplicates in tables, beside the plain loops over all pairs.</summary>
public sealed class SearchTests : IDisposable
{
    private const int Rows = 120;
    private const int Width = 6;

    private readonly TemporaryFolder _folder = new();
    private readonly float[][] _rows = Tables.Random(Rows, Width);

    public SearchTests()
    {
        for (var i = 0; i < 30; i += 3)
        {
            _rows[i + 60] = [.. _rows[i].Select((value, place) => (value * 2) + (0.02f * place))];
        }

        _rows[99] = _rows[60];
        Tables.Write(_folder.File("e-0.parquet"), _rows[..50]);
        Tables.Write(_folder.File("e-1.parquet"), _rows[50..], groupRows: 11, firstId: 50);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData(1)]
    [InlineData(30)]
    public void NeighboursAreThoseOfAPlainLoop(int? blockRows)
    {
        using var table = EmbeddingTable.Open(_folder.File("e-*.parquet"));
        var own = Tables.Random(1, Width, seed: 9)[0];
        var found = NeighbourTable.Find(table, [own, _rows[60], _rows[60]], [null, 60, null], 7, blockRows);
        Assert.Equal(Expected(own, null), found[0].Select(near => near.Row));
        Assert.Equal(Expected(_rows[60], 60), found[1].Select(near => near.Row));
        Assert.Equal(Expected(_rows[60], null), found[2].Select(near => near.Row));
        Assert.Equal(99, found[1][0].Row);
        Assert.All(found[1], near => Assert.Equal(Cosine(_rows[60], _rows[near.Row]), near.Similarity, 1e-6));

        long[] Expected(float[] query, int? itself) =>
        [
            .. Enumerable.Range(0, Rows).Where(row => row != itself).OrderByDescending(row => Math.Round(Cosine(query, _rows[row]), 6)).Take(7).Select(row => (long)row),
        ];
    }

    [Fact]
    public void NoMoreNeighboursThanThereAreRows()
    {
        using var table = EmbeddingTable.Open(_folder.File("e-0.parquet"));
        Assert.Equal(49, NeighbourTable.Find(table, [_rows[0]], [0], 1000)[0].Count);
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 1)]
    [InlineData(true, 25)]
    public void PairsAreThoseOfAPlainLoop(bool isWhitened, int? blockRows)
    {
        using var table = EmbeddingTable.Open(_folder.File("e-*.parquet"));
        var rows = isWhitened ? White(_rows) : _rows;
        foreach (var threshold in new[] { 0.5, 0.95, 0.999 })
        {
            var expected = from a in Enumerable.Range(0, Rows)
                           from b in Enumerable.Range(a + 1, Rows - a - 1)
                           where Cosine(rows[a], rows[b]) >= threshold
                           orderby a, b
                           select ((long)a, (long)b);
            var options = new DuplicateOptions { Threshold = threshold, IsWhitened = isWhitened, BlockRows = blockRows };
            var done = 0L;
            var pairs = new DuplicatePairs(options).Find(table, (rows, _) => done = rows, TestContext.Current.CancellationToken);
            Assert.Equal(expected, pairs.Select(pair => (pair.First, pair.Second)).Order());
            Assert.Equal(pairs.OrderByDescending(pair => pair.Similarity), pairs);
            Assert.Equal(Rows, done);
        }
    }

    [Fact]
    public void APairOnTheThresholdIsDecidedInDoublePrecision()
    {
        // The cosine of the first two is just below 0.9, by less than float32 tells; that of the others exactly 0.8.
        var below = Math.Sqrt(1 - (0.9 * 0.9)) * 1.0000001;
        Tables.Write(_folder.File("t.parquet"), [[1, 0], [0.9f, (float)below], [4, 3]]);
        using var table = EmbeddingTable.Open(_folder.File("t.parquet"));
        var plain = Cosine([1, 0], [0.9f, (float)below]);
        foreach (var (threshold, isThere) in new[] { (plain, true), (Math.BitIncrement(plain + 1e-12), false) })
        {
            var pairs = new DuplicatePairs(new() { Threshold = threshold, IsWhitened = false }).Find(table, (_, _) => { }, TestContext.Current.CancellationToken);
            Assert.Equal(isThere, pairs.Any(pair => pair is { First: 0, Second: 1 }));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void ARowOfZerosIsNearNothing(double threshold)
    {
        Tables.Write(_folder.File("t.parquet"), [[1, 0], [0, 0], [0, 0], [1, 1]]);
        using var table = EmbeddingTable.Open(_folder.File("t.parquet"));
        var pairs = new DuplicatePairs(new() { Threshold = threshold, IsWhitened = false }).Find(table, (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.Equal((0, 3), (Assert.Single(pairs).First, pairs[0].Second));
    }

    [Fact]
    public void TooManyPairsAreAnErrorAndNotAPart()
    {
        using var table = EmbeddingTable.Open(_folder.File("e-*.parquet"));
        var all = Rows * (Rows - 1) / 2;
        Assert.Equal(all, Find(all).Count);
        Assert.Contains($"is reached by more than {all - 1:N0} pairs", Assert.Throws<RecipeException>(() => Find(all - 1)).Message, StringComparison.Ordinal);

        IReadOnlyList<NearPair> Find(int most) => new DuplicatePairs(new() { Threshold = -1, MostPairs = most, IsWhitened = false })
            .Find(table, (_, _) => { }, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void GroupsAreAroundTheBestImageAndNeverChains()
    {
        // 4 - 9 - 5 - 7 is a chain, 7 has the most pixels; of 1 and 2, which have as many, 2 has more bytes.
        NearPair[] pairs = [new(4, 9, 0.97), new(1, 2, 0.99), new(9, 5, 0.98), new(5, 7, 0.96), new(2, 3, 0.995), new(7, 8, 0.95)];
        var groups = DuplicateGroup.Of(pairs, row => (row == 7 ? 200 : 100, row == 2 ? 1000 : 10));
        Assert.Equal([2L, 7, 4], groups.Select(group => group.Kept));
        Assert.Equal([new(3, 0.995), new(1, 0.99)], groups[0].Others);
        Assert.Equal([new(5, 0.96), new(8, 0.95)], groups[1].Others);
        Assert.Equal([new(9, 0.97)], groups[2].Others);
        Assert.Equal(1, Assert.Single(DuplicateGroup.Of([new(1, 2, 1)], _ => (1, 1))).Kept); // the first
        // 2 and 3 are near 1 and not each other: 3 keeps 1, and 2 stays without a group.
        var three = Assert.Single(DuplicateGroup.Of([new(1, 2, 1), new(1, 3, 1)], row => (row, 1)));
        Assert.Equal(3, three.Kept);
        Assert.Equal([new(1, 1)], three.Others);
    }

    [Fact]
    public void APageEscapesWhatItSaysAndNeedsNothingElse()
    {
        using var stream = new MemoryStream();
        var picture = new SheetPicture(new Thumbnail("data:image/jpeg;base64,AAAA", 32, 20), "0.98 <b>", ["a & \"b\"", "<script>alert(1)</script>"], "keep");
        HtmlSheet.Write(stream, "<i>title", "a > b", [new SheetGroup("g<", "n", [picture, new SheetPicture(null, "gone", [])], More: 1234)]);
        var page = Encoding.UTF8.GetString(stream.ToArray());
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<i>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        Assert.Contains("a &amp; &quot;b&quot;", page, StringComparison.Ordinal);
        Assert.Contains("not found", page, StringComparison.Ordinal);
        Assert.Contains("and 1,234 more", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
    }

    [Fact]
    public void ImagesThatAreAllTheSameAreDuplicates()
    {
        Tables.Write(_folder.File("t.parquet"), [.. Enumerable.Repeat(_rows[0], 5)]);
        using var table = EmbeddingTable.Open(_folder.File("t.parquet"));
        var pairs = new DuplicatePairs(new()).Find(table, (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.Equal(10, pairs.Count);
        Assert.All(pairs, pair => Assert.Equal(1, pair.Similarity, 1e-6));
    }

    /// <summary>Rows whose products are x'C^-1 y, C being three quarters of the covariance and a quarter of its mean diagonal: C = LL', y = L^-1 x.</summary>
    private static float[][] White(float[][] rows)
    {
        var mean = Enumerable.Range(0, Width).Select(i => rows.Average(row => (double)row[i])).ToArray();
        var factor = new double[Width, Width];
        for (var i = 0; i < Width; i++)
        {
            for (var j = 0; j < Width; j++)
            {
                factor[i, j] = 0.75 * rows.Average(row => (row[i] - mean[i]) * (row[j] - mean[j]));
            }

            factor[i, i] += 0.25 * Enumerable.Range(0, Width).Average(k => rows.Average(row => Math.Pow(row[k] - mean[k], 2)));
        }

        for (var j = 0; j < Width; j++)
        {
            for (var i = j; i < Width; i++)
            {
                var sum = factor[i, j] - Enumerable.Range(0, j).Sum(k => factor[i, k] * factor[j, k]);
                factor[i, j] = i == j ? Math.Sqrt(sum) : sum / factor[j, j];
            }
        }

        return [.. rows.Select(row =>
        {
            var solved = new double[Width];
            for (var i = 0; i < Width; i++)
            {
                solved[i] = (row[i] - mean[i] - Enumerable.Range(0, i).Sum(k => factor[i, k] * solved[k])) / factor[i, i];
            }

            return Array.ConvertAll(solved, value => (float)value);
        })];
    }

    private static double Cosine(float[] a, float[] b)
    {
        var product = a.Zip(b, (x, y) => (double)x * y).Sum();
        return product / Math.Sqrt(a.Sum(x => (double)x * x)) / Math.Sqrt(b.Sum(x => (double)x * x));
    }
}

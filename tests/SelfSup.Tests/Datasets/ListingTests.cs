using Parquet.Schema;

using SelfSup.Datasets;
using SelfSup.Errors;
using SelfSup.Tests.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Datasets;

public sealed class ListingTests : IDisposable
{
    private static readonly ListingColumn[] _pairs =
    [
        new("anchor", ListingCells.Text), new("positive", ListingCells.Text), new("score", ListingCells.Numbers, IsOptional: true),
    ];

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(",")]
    [InlineData(";")]
    [InlineData("\t")]
    [InlineData("|")]
    public void ColumnsAreReadByNameWhateverTheSeparator(string separator)
    {
        var listing = Csv($"score,unused,positive,anchor\n0.5,x,b.png,a.png\n-1e3,y,c.png,a.png\n".Replace(",", separator));
        Assert.Equal(2, listing.Rows);
        Assert.Equal(["a.png", "a.png"], Texts(listing, "anchor"));
        Assert.Equal(["b.png", "c.png"], Texts(listing, "positive"));
        Assert.Equal([0.5, -1000], listing.Numbers("score").ToArray());
        Assert.Equal(["a.png"], listing.Texts("anchor").Different);
    }

    [Fact]
    public void QuotesSpacesByteOrderMarkAndEmptyLinesAreNoPartOfNames()
    {
        var listing = Csv("\uFEFF\"anchor\", positive\r\n\"a,1.png\", b \"x\".png \r\n\r\n   \r\n\"c \"\"2\"\".png\",d.png\r\n\r\n");
        Assert.Equal(["a,1.png", "c \"2\".png"], Texts(listing, "anchor"));
        Assert.Equal(["b \"x\".png", "d.png"], Texts(listing, "positive"));
        Assert.False(listing.Has("score"));
        Assert.EndsWith("pairs.csv, line 2", listing.Where(0), StringComparison.Ordinal);
        Assert.EndsWith("pairs.csv, line 5", listing.Where(1), StringComparison.Ordinal);
    }

    [Fact]
    public void FlagsAreNumbers()
    {
        var listing = Listing.Read(_folder.Write("flags.csv", "same\ntrue\nFalse\n1\n"), new ListingColumn("same", ListingCells.Numbers));
        Assert.Equal([1, 0, 1], listing.Numbers("same").ToArray());
    }

    [Theory]
    [InlineData("anchor,score\na,1\n", "has no column 'positive', it has anchor, score; rename a column")]
    [InlineData("a.png;b.png\nc.png;d.png\n", "has no column 'anchor' and no 'positive', it has a.png, b.png")]
    [InlineData("", "has no column 'anchor' and no 'positive', it has nothing in it")]
    [InlineData("anchor,positive\n", "has no rows, must have at least one")]
    [InlineData("anchor,positive\n\n\n", "has no rows, must have at least one")]
    [InlineData("anchor,positive,score\na,b,1\na,b,high\n", "pairs.csv, line 3: 'score' is 'high', must be a finite number")]
    [InlineData("anchor,positive,score\na,b,NaN\n", "pairs.csv, line 2: 'score' is 'NaN', must be a finite number")]
    [InlineData("anchor,positive,score\na,b,1\n\na,,1\n", "pairs.csv, line 4: 'positive' is empty, must have a value in every row")]
    [InlineData("anchor,positive,score\na,b,1\na,b,c.png,1\n", "pairs.csv, line 3: has 4 cells, must have 3 as the header does")]
    [InlineData("anchor,positive,score\na,b,1\na,b\n", "pairs.csv, line 3: has 2 cells, must have 3 as the header does")]
    public void WhatIsWrongIsNamedWithItsLine(string text, string message) =>
        Assert.Contains(message, Assert.Throws<DataException>(() => Csv(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void AFileThatIsNotThereOrNoTableIsRefused()
    {
        Assert.Contains("no such file", Assert.Throws<DataException>(() => Listing.Read(_folder.File("none.csv"), _pairs)).Message, StringComparison.Ordinal);
        var image = _folder.Write("pairs.csv", Fixture.Bytes("png-rgb.png"));
        var message = Assert.Throws<DataException>(() => Listing.Read(image, _pairs)).Message;
        Assert.DoesNotContain(message, char.IsControl);
        var parquet = _folder.Write("pairs.parquet", "PAR1 and nothing else");
        Assert.Contains("not a Parquet file", Assert.Throws<DataException>(() => Listing.Read(parquet, _pairs)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnOpenQuoteIsAnErrorAndNotTheRestOfTheFile() =>
        _ = Assert.Throws<DataException>(() => Csv("anchor,positive\n\"a,b\nc,d\n"));

    [Fact]
    public void ParquetColumnsOfAnyTypeAreRead()
    {
        var file = _folder.File("pairs.parquet");
        ParquetFile.WritePlain(
            file,
            (new DataField("anchor", typeof(string), isNullable: false), new[] { "a.png", "b.png", "a.png" }),
            (new DataField("positive", typeof(long), isNullable: false), new[] { 3L, 9_007_199_254_740_993, 3 }),
            (new DataField("score", typeof(double), isNullable: false), new[] { 0.25, -1, 7 }));
        var listing = Listing.Read(file, _pairs);
        Assert.Equal(["a.png", "b.png", "a.png"], Texts(listing, "anchor"));
        Assert.Equal(["3", "9007199254740993", "3"], Texts(listing, "positive"));
        Assert.Equal([0.25, -1, 7], listing.Numbers("score").ToArray());
        Assert.EndsWith("pairs.parquet, row 2", listing.Where(2), StringComparison.Ordinal);
        Assert.Contains(
            "'anchor' is 'a.png', must be a finite number",
            Assert.Throws<DataException>(() => Listing.Read(file, new ListingColumn("anchor", ListingCells.Numbers))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "has no column 'negative', it has anchor (string), positive (int64), score (double)",
            Assert.Throws<DataException>(() => Listing.Read(file, new ListingColumn("negative", ListingCells.Text))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void NullsOfParquetFilesAreEmptyCellsAndRowsCountOverRowGroups()
    {
        var file = _folder.File("images.parquet");
        ParquetFile.Write(file, [[[1], [2]], [[3], [4]]], [[1, 2], [3, null]]);
        var message = Assert.Throws<DataException>(() => Listing.Read(file, new ListingColumn("label", ListingCells.Numbers))).Message;
        Assert.Contains("images.parquet, row 3: 'label' is empty", message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMillionRowsTakeNoObjectEach()
    {
        var file = _folder.File("pairs.csv");
        using (var writer = new StreamWriter(file))
        {
            writer.Write("anchor,positive,score\n");
            for (var i = 0; i < 1_000_000; i++)
            {
                writer.Write($"{i % 1000}.png,{i % 777}.png,0.5\n");
            }
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        var listing = Listing.Read(file, _pairs);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(1_000_000, listing.Rows);
        Assert.Equal("999.png", listing.Texts("anchor")[999_999]);
        // Four and four and eight bytes a row, in lists that double, of which the halves are garbage; an object alone would take 24.
        Assert.InRange(allocated, 16_000_000, 40_000_000);
    }

    public void Dispose() => _folder.Dispose();

    private Listing Csv(string text) => Listing.Read(_folder.Write("pairs.csv", text), _pairs);

    private static string[] Texts(Listing listing, string column) =>
        [.. Enumerable.Range(0, listing.Rows).Select(row => listing.Texts(column)[row])];
}

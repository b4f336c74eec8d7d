using Parquet.Schema;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

public sealed class ParquetSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void ANullImageInTheMiddleLeavesItsNeighboursTheirBytesAndLabels()
    {
        var path = _folder.File("nulls.parquet");
        ParquetFile.Write(path, [[[1], null, [3, 3], [4]], [null, [6]]], [[10, 11, 12, null], [14, 15]]);
        using var source = Open(path);
        Assert.Equal(6, source.Count);
        Assert.Equal([10, 11, 12, -1, 14, 15], Labels(source));
        Assert.Equal([1], Bytes(source, 0));
        Assert.Equal([3, 3], Bytes(source, 2));
        Assert.Equal([4], Bytes(source, 3));
        Assert.Equal([6], Bytes(source, 5));
        foreach (var index in (int[])[1, 4])
        {
            var error = Assert.Throws<DataException>(() => source.Read(index));
            Assert.Equal(
                $"{path}, row {index}: has no image (it is null); remove the row or set data.onUnreadable: skip",
                error.Message);
        }
    }

    [Fact]
    public void RowGroupsAreBlocks()
    {
        ParquetFile.Write(_folder.File("a.parquet"), [[[1], [2]], [[3]]]);
        ParquetFile.Write(_folder.File("b.parquet"), [[[4], [5], [6]]]);
        using var source = Open(_folder.Path);
        Assert.Equal([0, 2, 3], source.BlockStarts);
        Assert.Equal([1, 2, 3, 4, 5, 6], Enumerable.Range(0, 6).Select(i => Bytes(source, i).Single()));
        Assert.Equal(_folder.File("a.parquet") + ", row 2", source.Locate(2));
        Assert.Equal(_folder.File("b.parquet") + ", row 2", source.Locate(5));
        Assert.Empty(source.ClassNames);
        Assert.Equal(-1, source.Label(0));
    }

    [Fact]
    public void ClassNamesComeFromTheMetadata()
    {
        var path = _folder.File("named.parquet");
        ParquetFile.Write(path, [[[1], [2]]], [[1, 0]], ["cat", "dog", "eel"]);
        using var source = Open(path);
        Assert.Equal(["cat", "dog", "eel"], source.ClassNames);
    }

    [Fact]
    public void WithoutMetadataClassesAreCalledByTheirNumbers()
    {
        var path = _folder.File("numbers.parquet");
        ParquetFile.Write(path, [[[1], [2]]], [[2, 0]]);
        using var source = Open(path);
        Assert.Equal(["0", "1", "2"], source.ClassNames);
    }

    [Fact]
    public void ALabelWithoutANameIsRefused()
    {
        var path = _folder.File("named.parquet");
        ParquetFile.Write(path, [[[1], [2]]], [[0, 5]], ["cat", "dog"]);
        Assert.Contains($"{path}, row 1: the label 5 must be less than 2", Refusal(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(int))]
    [InlineData(typeof(sbyte))]
    [InlineData(typeof(long))]
    public void APlainBinaryColumnAndAnyIntegerTypeDo(Type type)
    {
        var path = _folder.File("plain.parquet");
        var labels = Array.CreateInstance(type, 2);
        labels.SetValue(Convert.ChangeType(3, type), 1);
        ParquetFile.WritePlain(
            path,
            (new DataField("picture", typeof(byte[]), false), new byte[][] { [7], [8, 8] }),
            (new DataField("label", type, false), labels));
        using var source = Open(path);
        Assert.Equal([8, 8], Bytes(source, 1));
        Assert.Equal([0, 3], Labels(source));
    }

    [Fact]
    public void ColumnsCanBeNamed()
    {
        var path = _folder.File("plain.parquet");
        ParquetFile.WritePlain(
            path,
            (new DataField("left", typeof(byte[]), false), new byte[][] { [1] }),
            (new DataField("right", typeof(byte[]), false), new byte[][] { [2] }),
            (new DataField("kind", typeof(long), false), new long[] { 4 }));
        using var source = ImageSources.Open(new() { Path = path, ImageColumn = "right", LabelColumn = "kind" });
        Assert.Equal([2], Bytes(source, 0));
        Assert.Equal(4, source.Label(0));
        Assert.Contains("several columns may be the images (left, right)", Refusal(path), StringComparison.Ordinal);
        Assert.Contains("'up' is no column of images", Refusal(path, image: "up"), StringComparison.Ordinal);
        Assert.Contains("'up' is no column of integers", Refusal(path, "left", "up"), StringComparison.Ordinal);
    }

    [Fact]
    public void AFileWithoutImagesSaysWhatItHolds()
    {
        var path = _folder.File("table.parquet");
        ParquetFile.WritePlain(
            path,
            (new DataField("title", typeof(string), false), new[] { "a" }),
            (new DataField("score", typeof(double), false), new[] { 1.0 }));
        Assert.Equal(
            $"{path}: holds no images, only title (string), score (double); must have a binary column or a struct with "
            + "binary 'bytes'; check the path",
            Refusal(path));
    }

    [Fact]
    public void ATruncatedFileIsRefused()
    {
        ParquetFile.Write(_folder.File("whole.parquet"), [[new byte[1000], new byte[1000]]]);
        var whole = File.ReadAllBytes(_folder.File("whole.parquet"));
        var path = _folder.Write("cut.parquet", whole.AsSpan(0, whole.Length - 100));
        Assert.StartsWith(
            $"{path}: not a Parquet file, a truncated or a damaged one (", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNoParquetFileIsRefused()
    {
        var path = _folder.Write("text.parquet", "no such thing as a footer in here");
        Assert.StartsWith($"{path}: not a Parquet file", Refusal(path), StringComparison.Ordinal);
        path = _folder.Write("empty.parquet", []);
        Assert.StartsWith($"{path}: not a Parquet file", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void AFileWithoutRowsIsRefused()
    {
        var path = _folder.File("none.parquet");
        ParquetFile.Write(path, []);
        Assert.Equal($"{path}: holds no rows, must hold at least one image; check the path", Refusal(path));
    }

    [Fact]
    public void AFileWithoutRowsBesideOthersIsNothing()
    {
        ParquetFile.Write(_folder.File("a.parquet"), []);
        ParquetFile.Write(_folder.File("b.parquet"), [[[1]], [], [[2]]]);
        using var source = Open(_folder.Path);
        Assert.Equal([[1], [2]], [Bytes(source, 0), Bytes(source, 1)]);
    }

    [Fact]
    public void ShardsOfDifferentKindsAreRefused()
    {
        ParquetFile.Write(_folder.File("a.parquet"), [[[1]]], [[0]]);
        ParquetFile.Write(_folder.File("b.parquet"), [[[1]]]);
        Assert.StartsWith(
            $"{_folder.File("b.parquet")}: has no labels", Refusal(_folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void AnIdentifierIsNoLabel()
    {
        var path = _folder.File("ids.parquet");
        ParquetFile.Write(path, [[[1], [2]]], [[0, 1L << 40]]);
        Assert.StartsWith(
            $"{path}, row 1: the label 1099511627776 must be less", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void BytesStayValidWhenTheirBlockIsDisplaced()
    {
        var path = _folder.File("large.parquet");
        ParquetFile.Write(path, [.. Enumerable.Range(1, 4).Select(i => new[] { Filled(i), Filled(i + 10) })]);
        using var source = ImageSources.Open(new() { Path = path, CacheMegabytes = 1 });
        var all = Enumerable.Range(0, 8).Select(source.Read).ToArray();
        Assert.All(all, (stored, i) => Assert.True(
            stored.Bytes.Length == 700_000
            && stored.Bytes.Span.IndexOfAnyExcept((byte)((i / 2) + 1 + (i % 2 * 10))) < 0));

        static byte[] Filled(int value)
        {
            var bytes = new byte[700_000];
            Array.Fill(bytes, (byte)value);
            return bytes;
        }
    }

    [Fact]
    public void ManyThreadsReadTheSameImages()
    {
        var path = _folder.File("threads.parquet");
        ParquetFile.Write(path, [.. Enumerable.Range(0, 20).Select(g => Enumerable.Range(0, 10).Select(
            r => new[] { (byte)g, (byte)r }).ToArray())]);
        using var source = Open(path);
        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var index = i * 37 % source.Count;
            Assert.Equal([(byte)(index / 10), (byte)(index % 10)], Bytes(source, index));
        });
    }

    public void Dispose() => _folder.Dispose();

    private static IImageSource Open(string path) => ImageSources.Open(new() { Path = path });

    private static string Refusal(string path, string? image = null, string? label = null) =>
        Assert.Throws<DataException>(
            () => ImageSources.Open(new() { Path = path, ImageColumn = image, LabelColumn = label })).Message;

    private static byte[] Bytes(IImageSource source, int index) => source.Read(index).Bytes.ToArray();

    private static IEnumerable<int> Labels(IImageSource source) =>
        Enumerable.Range(0, source.Count).Select(source.Label);
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

public sealed class ImageSourcesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void APathThatDoesNotExistIsNamed()
    {
        var path = _folder.File("nowhere");
        Assert.Equal($"{path}: there is no such file or folder; check the path", Refusal(path));
        Assert.StartsWith("data.path: is empty", Refusal(""), StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatHoldsNoImagesIsRefused()
    {
        Assert.Contains("is none of them", Refusal(_folder.Write("notes.txt", "text")), StringComparison.Ordinal);
        Assert.Contains(
            "a single PNG, must be a folder", Refusal(_folder.Write("a.png", Fixture.Bytes("png-rgb.png"))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderOfImagesIsOpened()
    {
        _folder.Write("a/1.png", Fixture.Bytes("png-rgb.png"));
        using var source = ImageSources.Open(new() { Path = _folder.Path });
        Assert.IsType<FolderSource>(source);
    }

    [Fact]
    public void ImagesAndParquetFilesTogetherAreRefused()
    {
        _folder.Write("1.png");
        _folder.Write("2.parquet");
        Assert.Contains(
            "holds both 1 image files and 1 Parquet files", Refusal(_folder.Path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train-*.parquet", new byte[] { 1, 2 })]
    [InlineData("train-?.parquet", new byte[] { 1 })]
    [InlineData("*.parquet", new byte[] { 9, 1, 2 })]
    [InlineData("**/*.parquet", new byte[] { 9, 5, 1, 2 })]
    [InlineData("**/deep/*.parquet", new byte[] { 5 })]
    [InlineData("d*/**", new byte[] { 5 })]
    [InlineData("", new byte[] { 9, 5, 1, 2 })]
    public void APatternNamesItsFilesInOrdinalOrder(string pattern, byte[] expected)
    {
        Directory.CreateDirectory(_folder.File("data/deep"));
        ParquetFile.Write(_folder.File("train-1.parquet"), [[[1]]]);
        ParquetFile.Write(_folder.File("train-10.parquet"), [[[2]]]);
        ParquetFile.Write(_folder.File("a.parquet"), [[[9]]]);
        ParquetFile.Write(_folder.File("data/deep/b.parquet"), [[[5]]]);
        using var source = ImageSources.Open(new() { Path = _folder.File(pattern) });
        Assert.Equal(expected, Enumerable.Range(0, source.Count).Select(i => source.Read(i).Bytes.Span[0]));
    }

    [Fact]
    public void APatternWithoutFilesIsRefused()
    {
        Assert.EndsWith(
            ": matches no file; check the pattern", Refusal(_folder.File("*.parquet")), StringComparison.Ordinal);
        Assert.Contains("there is no folder", Refusal(_folder.File("nowhere/*.parquet")), StringComparison.Ordinal);
    }

    [Fact]
    public void TheLimitTakesTheFirstImages()
    {
        var path = _folder.File("it.parquet");
        ParquetFile.Write(path, [[[1], [2]], [[3], [4]], [[5]]], [[0, 1], [2, 3], [4]]);
        using var source = ImageSources.Open(new() { Path = path, Limit = 3 });
        Assert.Equal(3, source.Count);
        Assert.Equal([0, 2], source.BlockStarts);
        Assert.Equal(2, source.Label(2));
        Assert.Equal(5, source.ClassNames.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => source.Read(3));
        using var all = ImageSources.Open(new() { Path = path, Limit = 50 });
        Assert.Equal(5, all.Count);
    }

    [Fact]
    public void OptionsOutOfRangeAreFound()
    {
        var options = new ImageSourceOptions { Limit = 0, MaxPixels = long.MaxValue, CacheMegabytes = 0 };
        var results = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true);
        Assert.Equal(
            ["CacheMegabytes", "Limit", "MaxPixels", "Path"], results.SelectMany(r => r.MemberNames).Order());
        options = new() { Path = "data" };
        Assert.True(Validator.TryValidateObject(options, new ValidationContext(options), null, true));
    }

    [Fact]
    public void EveryUnreadableImageIsListedOnce()
    {
        var unreadable = new UnreadableImages();
        Parallel.For(0, 100, i => unreadable.Add(i % 3, $"file {i % 3}", $"file {i % 3}: is empty; remove it"));
        Assert.Equal(3, unreadable.Count);
        Assert.Equal(
            from i in Enumerable.Range(0, 3) select new UnreadableImage($"file {i}", "is empty; remove it"),
            unreadable.Snapshot());
    }

    public void Dispose() => _folder.Dispose();

    private static string Refusal(string path) =>
        Assert.Throws<DataException>(() => ImageSources.Open(new() { Path = path })).Message;
}

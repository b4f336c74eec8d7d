using SelfSup.Datasets;
using SelfSup.Images;
using SelfSup.Tests.Images;
using SelfSup.Tests.Support;

using SkiaSharp;

namespace SelfSup.Tests.Datasets;

public sealed class DatasetInspectorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EveryFormatIsCountedWithItsSize(bool quick)
    {
        foreach (var name in Fixture.Names)
        {
            _folder.Write($"in/{name}", Fixture.Bytes(name));
        }

        var report = Inspect("in", quick);
        var names = Fixture.Names.ToArray();
        Assert.Equal(("folder", names.Length, names.Length), (report.Kind, report.Images, report.Files));
        Assert.Equal(names.Sum(name => (long)Fixture.Bytes(name).Length), report.Bytes);
        Assert.Equal(names.Count(name => name.EndsWith(".jpg", StringComparison.Ordinal)), report.Formats["JPEG"]);
        Assert.Equal(names.Count(name => name.EndsWith(".webp", StringComparison.Ordinal)), report.Formats["WebP"]);
        Assert.Equal((1, 1, 1), (report.Jpeg!.Progressive, report.Jpeg.Gray, report.Jpeg.Cmyk));
        Assert.Equal(report.Formats["JPEG"] - 2, report.Jpeg.Sampling.Values.Sum());
        Assert.Empty(report.Unreadable);

        var sizes = names.Select(Fixture.Reference).ToArray();
        int[] widths = [.. sizes.Select(size => size.Width).Order()];
        int[] heights = [.. sizes.Select(size => size.Height).Order()];
        Assert.Equal(new ValueRange(widths[0], widths[(widths.Length - 1) / 2], widths[^1]), report.Width);
        Assert.Equal(new ValueRange(heights[0], heights[(heights.Length - 1) / 2], heights[^1]), report.Height);
        Assert.Equal(names.Length, report.Megapixels.Sum(bin => bin.Images));
    }

    [Fact]
    public void LabelsDuplicatesAndDamage()
    {
        _folder.Write("in/a/1.png", Fixture.Bytes("png-rgb.png"));
        _folder.Write("in/b/2.png", Fixture.Bytes("png-rgb.png"));
        _folder.Write("in/b/3.jpg", Fixture.Bytes("jpeg-420.jpg"));
        _folder.Write("in/b/4.jpg", Fixture.Bytes("jpeg-420.jpg").AsSpan(0, 800));
        _folder.Write("in/b/5.gif", []);
        var report = Inspect("in");
        Assert.Equal([new("a", 1), new("b", 4)], report.Classes);
        Assert.Equal(1, report.Duplicates);
        Assert.Equal(
            [new(_folder.File("in", "b/4.jpg"), "this JPEG is truncated"), new(_folder.File("in", "b/5.gif"), "is empty")],
            report.Unreadable);

        var quick = Inspect("in", quick: true);
        Assert.Equal([new UnreadableImage(_folder.File("in", "b/5.gif"), "is empty")], quick.Unreadable);
        Assert.Null(quick.Duplicates);
        Assert.Null(quick.Mean);
    }

    [Fact]
    public void RowsWithoutImageAndLabel()
    {
        var png = Fixture.Bytes("png-rgb.png");
        ParquetFile.Write(_folder.File("in.parquet"), [[png, null], [null, png]], [[0, 1], [null, 1]], ["a", "b"]);
        var report = Inspect("in.parquet");
        Assert.Equal(("Parquet", 1, 2, 4), (report.Kind, report.Files, report.RowGroups, report.Images));
        Assert.Equal((2, 1), (report.RowsWithoutImage, report.Unlabelled));
        Assert.Equal([new("a", 1), new("b", 2)], report.Classes);
        Assert.Empty(report.Unreadable);
        Assert.Equal(1, report.Duplicates);
    }

    [Fact]
    public void MeansAreThoseOfTheImagesWhateverTheirSizes()
    {
        _folder.Write("in/1.png", Png(4, 4, new SKColor(255, 0, 51)));
        _folder.Write("in/2.png", Png(40, 20, new SKColor(0, 0, 51)));
        var report = Inspect("in");
        Assert.Equal([0.5, 0, 0.2], report.Mean!.Select(value => Math.Round(value, 12)));
        Assert.Equal([0.5, 0, 0], report.StandardDeviation!.Select(value => Math.Round(value, 6)));
    }

    [Fact]
    public void MeansAreThoseOfAllPixelsWhereSizesAreTheSame()
    {
        _folder.Write("in-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 255, 255]);
        var report = Inspect("in-images-idx3-ubyte");
        Assert.Equal(("IDX", 2, 2), (report.Kind, report.Images, report.Formats["raw"]));
        Assert.Equal(0.75, report.Mean![1], 12);
        Assert.Equal(Math.Sqrt(0.75 * 0.25), report.StandardDeviation![1], 12);
    }

    [Fact]
    public void TheNumberOfWorkersChangesNothing()
    {
        foreach (var name in Fixture.Names)
        {
            _folder.Write($"in/{name}", Fixture.Bytes(name));
        }

        Assert.Equivalent(Inspect("in", workers: 1), Inspect("in", workers: 5), strict: true);
    }

    private InspectReport Inspect(string input, bool quick = false, int workers = 2)
    {
        var options = new InspectOptions { Source = new() { Path = _folder.File(input) }, Quick = quick, Workers = workers };
        using var source = ImageSources.Open(options.Source);
        return new DatasetInspector(source, options).Run((_, _) => { }, TestContext.Current.CancellationToken);
    }

    private static byte[] Png(int width, int height, SKColor color)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(color);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}

using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Tests.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Augmentation;

/// <summary>The loader over encoded files: where they come from and who decodes them does not change a pixel.</summary>
public sealed class JpegLoaderTests : IDisposable
{
    private const int Count = 12;

    private readonly TemporaryFolder _folder = new();
    private readonly byte[][] _files =
        [.. Enumerable.Range(0, Count).Select(i => Photographs.Jpeg(180 + (13 * i), 150 + (7 * i), seed: i))];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    public void PixelsAreTheSameWithAnyNumberOfWorkers(int workers)
    {
        using var source = Folder();
        Assert.Equal(Pixels(source, workers: 1), Pixels(source, workers));
    }

    [Fact]
    public void PixelsAreTheSameFromAFolderAndFromParquet()
    {
        using var folder = Folder();
        var parquet = _folder.File("all.parquet");
        ParquetFile.Write(parquet, [_files[..5], _files[5..]]);
        using var rows = ImageSources.Open(new ImageSourceOptions { Path = parquet });
        Assert.Equal(Pixels(folder, workers: 2), Pixels(rows, workers: 2));
    }

    [Fact]
    public void SmallImagesAreTheSameWithAndWithoutACache()
    {
        for (var i = 0; i < Count; i++)
        {
            _folder.Write($"small/{i:D2}.jpg", Photographs.Jpeg(32, 32, seed: i));
        }

        using var source = new FolderSource(_folder.File("small"));
        var expected = Pixels(source, workers: 2);
        var cache = new DecodedCache(Count, 1 << 20);
        Assert.Equal(expected, Pixels(source, workers: 2, cache));
        Assert.Equal(Count * 32 * 32 * 3, cache.Bytes);
        Assert.Equal(expected, Pixels(source, workers: 2, cache));
        File.Move(_folder.File("small", "03.jpg"), _folder.File("away.jpg"));
        Assert.Equal(expected, Pixels(source, workers: 2, cache)); // nothing is read any more

        var tight = new DecodedCache(Count, 5 * 32 * 32 * 3);
        File.Move(_folder.File("away.jpg"), _folder.File("small", "03.jpg"));
        Assert.Equal(expected, Pixels(source, workers: 2, tight));
        Assert.Equal(expected, Pixels(source, workers: 2, tight));
        Assert.InRange(tight.Bytes, 1, 5 * 32 * 32 * 3);
    }

    [Fact]
    public void AnImageCostsTheCollectorNextToNothing()
    {
        using var source = Folder();
        using var loader = Loader(source, 1, null);
        Drain(loader, 40);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        Drain(loader, 240);
        var perImage = (GC.GetTotalAllocatedBytes(precise: true) - before) / (240.0 * 4);
        Assert.InRange(perImage, 0, 1024);

        static void Drain(ViewLoader loader, int steps)
        {
            foreach (var batch in loader.From(0, steps, TestContext.Current.CancellationToken))
            {
                batch.Dispose();
            }
        }
    }

    private FolderSource Folder()
    {
        for (var i = 0; i < Count; i++)
        {
            _folder.Write($"photographs/{i:D2}.jpg", _files[i]);
        }

        return new FolderSource(_folder.File("photographs"));
    }

    private static ViewLoader Loader(IImageSource source, int workers, DecodedCache? cache) => new(
        source,
        new ShuffledBatches(1, source, 4),
        [Views.SimClr(48, blur: true), Views.SimClr(48), Views.SimClr(24)], // and a small one, as multi-crop has
        new ViewLoaderOptions { Workers = workers, Seed = 1, Cache = cache },
        new());

    private static List<float[]> Pixels(IImageSource source, int workers, DecodedCache? cache = null)
    {
        using var loader = Loader(source, workers, cache);
        var pixels = new List<float[]>();
        foreach (var batch in loader.From(0, 6, TestContext.Current.CancellationToken))
        {
            pixels.AddRange(batch.Views.Select(view => view.data<float>().ToArray()));
            batch.Dispose();
        }

        return pixels;
    }
}

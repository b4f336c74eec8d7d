using System.Globalization;

using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

/// <summary>Alone, as it counts what all threads allocate.</summary>
[CollectionDefinition(nameof(ReadingAllocatesLittleTests), DisableParallelization = true)]
[Collection(nameof(ReadingAllocatesLittleTests))]
public sealed class ReadingAllocatesLittleTests : IDisposable
{
    private const int Count = 2000;
    private const int MostBytesAnImage = 1024;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void FromAFolder()
    {
        for (var index = 0; index < Count; index++)
        {
            _folder.Write($"{index.ToString("D4", CultureInfo.InvariantCulture)}.png", Image(index));
        }

        using var source = new FolderSource(_folder.Path);
        Check(source);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(6)]
    public void FromParquetFilesLargerThanTheCache(int codec)
    {
        var path = _folder.File("it.parquet");
        byte[]?[][] groups = [.. Enumerable.Range(0, Count).Select(Image).Chunk(100)];
        new ParquetPagesFile(codec, 1, 2) { RowsPerPage = 10 }.Write(path, groups);
        using var source = ImageSources.Open(new() { Path = path, CacheMegabytes = 2 });
        Assert.InRange(source.WindowBlocks, 2, 6);
        Check(source);
        Assert.InRange(((ParquetSource)source).CacheBytes, 1 << 20, 2 << 20);
    }

    public void Dispose() => _folder.Dispose();

    private static void Check(IImageSource source)
    {
        var stored = new StoredImage();
        ReadAll(source, stored, epoch: 0);
        var order = SampleOrder.Epoch(1, 1, Count, source.BlockStarts, source.WindowBlocks);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        foreach (var index in order)
        {
            source.Read(index, stored);
        }

        var each = (GC.GetTotalAllocatedBytes(precise: true) - before) / Count;
        TestContext.Current.TestOutputHelper?.WriteLine($"{each} bytes an image");
        Assert.InRange(each, 0, MostBytesAnImage);
        ReadAll(source, stored, epoch: 2);
    }

    private static void ReadAll(IImageSource source, StoredImage stored, long epoch)
    {
        foreach (var index in SampleOrder.Epoch(1, epoch, Count, source.BlockStarts, source.WindowBlocks))
        {
            source.Read(index, stored);
            Assert.True(stored.Bytes.Span.SequenceEqual(Image(index)));
        }
    }

    /// <summary>1,500 to 2,999 bytes, of which half can be compressed away.</summary>
    private static byte[] Image(int index)
    {
        var bytes = new byte[1500 + (index * 7919 % 1500)];
        var value = (uint)index + 1;
        for (var i = 0; i < bytes.Length / 2; i++)
        {
            value = (value * 1664525) + 1013904223;
            bytes[i] = (byte)(value >> 24);
        }

        return bytes;
    }
}

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

/// <summary>The reader of pages gives what Parquet.Net gives, on every kind of page it knows.</summary>
public sealed class ParquetPagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<int, int, int, int> Kinds { get; } = new(
        from codec in (int[])[0, 1, 6]
        from version in (int[])[1, 2]
        from maxLevel in (int[])[0, 1, 2]
        from dictionary in (int[])[0, 2, 1000]
        select (codec, version, maxLevel, dictionary));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryPageGivesWhatParquetNetGives(int codec, int version, int maxLevel, int dictionary)
    {
        var path = _folder.File("pages.parquet");
        byte[]?[][] images = [MadeUp(40, maxLevel > 0, 1), MadeUp(1, false, 2), MadeUp(23, maxLevel > 0, 3)];
        new ParquetPagesFile(codec, version, maxLevel) { PagesWithDictionary = dictionary }.Write(path, images);
        using var shard = ParquetShard.Open(path, null, null);
        Assert.Equal(images.Select(group => group.Length), shard.RowsByGroup);
        for (var group = 0; group < images.Length; group++)
        {
            Assert.True(shard.ReadsPages(group));
            Assert.Equal(images[group], Images(images[group].Length, into => shard.ReadImages(group, into)));
            Assert.Equal(images[group], Images(images[group].Length, into => shard.ReadOtherImages(group, into)));
        }
    }

    [Theory]
    [InlineData(Parquet.CompressionMethod.None, true)]
    [InlineData(Parquet.CompressionMethod.Snappy, true)]
    [InlineData(Parquet.CompressionMethod.Zstd, true)]
    [InlineData(Parquet.CompressionMethod.Gzip, false)]
    [InlineData(Parquet.CompressionMethod.Brotli, false)]
    public void FilesOfParquetNetAreReadWhateverTheirCodec(Parquet.CompressionMethod codec, bool readsPages)
    {
        var path = _folder.File("codec.parquet");
        var images = MadeUp(50, true, 4);
        ParquetFile.Write(path, [images], options: new() { CompressionMethod = codec });
        using var shard = ParquetShard.Open(path, null, null);
        Assert.Equal(readsPages, shard.ReadsPages(0));
        Assert.Equal(images, Images(50, into => shard.ReadImages(0, into)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(6)]
    public void AnEmptyImageIsNotNull(int codec)
    {
        var path = _folder.File("empty.parquet");
        new ParquetPagesFile(codec, 2, 1).Write(path, [[[], null, [], null, null, null, [7]]]);
        using var shard = ParquetShard.Open(path, null, null);
        Assert.Equal([[], null, [], null, null, null, [7]], Images(7, into => shard.ReadImages(0, into)));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(6, 1)]
    public void ThreadsThatReadAtRandomGetTheirImages(int codec, int version)
    {
        var path = _folder.File("threads.parquet");
        byte[]?[][] images = [.. Enumerable.Range(0, 30).Select(group => MadeUp(20, true, group, 20_000))];
        new ParquetPagesFile(codec, version, 2) { PagesWithDictionary = 1 }.Write(path, images);
        byte[]?[] all = [.. images.SelectMany(group => group)];
        using var source = ImageSources.Open(new() { Path = path, CacheMegabytes = 1 });
        Assert.True(source.WindowBlocks < 30);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, thread =>
        {
            var random = new CounterRandom(1, RandomPurpose.Selection, sample: thread);
            var stored = new StoredImage();
            for (var i = 0; i < 300; i++)
            {
                var index = random.NextInt(all.Length);
                if (all[index] is { } image)
                {
                    source.Read(index, stored);
                    Assert.True(stored.Bytes.Span.SequenceEqual(image));
                }
                else
                {
                    Assert.Throws<DataException>(() => source.Read(index, stored));
                }
            }
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public void SizesThatCannotBeAreRefusedWithoutTheMemory(int codec)
    {
        var path = _folder.File("liar.parquet");
        new ParquetPagesFile(codec, 1, 0) { Exaggeration = 1 << 30 }.Write(path, [[new byte[60]]]);
        using var source = ImageSources.Open(new() { Path = path });
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<DataException>(() => source.Read(0));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal(
            $"{path}: not a Parquet file, a truncated or a damaged one (a page is damaged); get it again", error.Message);
    }

    public void Dispose() => _folder.Dispose();

    private static byte[]?[] Images(int rows, Action<ImageBlock> load)
    {
        var block = new ImageBlock(new BlockBuffers(1 << 20, 1, new Lock(), () => false));
        load(block);
        return [.. Enumerable.Range(0, rows).Select(row =>
        {
            var image = new StoredImage();
            return block.TryRead(row, image) ? image.Bytes.ToArray() : null;
        })];
    }

    /// <summary>Bytes that are compressed a little.</summary>
    private static byte[]?[] MadeUp(int count, bool withNulls, int seed, int mostBytes = 300)
    {
        var random = new CounterRandom(7, RandomPurpose.Selection, sample: seed);
        var images = new byte[count][];
        for (var row = 0; row < count; row++)
        {
            images[row] = withNulls && random.Chance(0.3) ? null! : new byte[random.NextInt(mostBytes)];
            for (var i = 0; i < images[row]?.Length; i++)
            {
                images[row][i] = (byte)random.NextInt(16);
            }
        }

        return images;
    }
}

using System.Buffers.Binary;
using System.IO.Compression;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Images;

public sealed class IdxSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("train-images-idx3-ubyte", "train-labels-idx1-ubyte", false)]
    [InlineData("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", true)]
    [InlineData("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", true)]
    [InlineData("train-images.idx3-ubyte", "train-labels.idx1-ubyte.gz", false)]
    public void APairIsReadCompressedOrNot(string images, string labels, bool zipped)
    {
        var array = Array([3, 1, 2], [1, 2, 3, 4, 5, 6]);
        _folder.Write(images, zipped ? Zip(array) : array);
        array = Array([3], [7, 0, 2]);
        _folder.Write(labels, labels.EndsWith(".gz", StringComparison.Ordinal) ? Zip(array) : array);
        foreach (var path in (string[])[_folder.File(images), _folder.Path])
        {
            using var source = ImageSources.Open(new() { Path = path });
            Assert.Equal(3, source.Count);
            var image = source.Read(1);
            Assert.Equal((2, 1, 1), (image.RawWidth, image.RawHeight, image.RawChannels));
            Assert.Equal([3, 4], image.Bytes.ToArray());
            Assert.Equal([7, 0, 2], Enumerable.Range(0, 3).Select(source.Label));
            Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7"], source.ClassNames);
            Assert.Equal(_folder.File(images) + ", image 1", source.Locate(1));
        }
    }

    [Fact]
    public void ColourImagesWithoutLabelsDo()
    {
        var path = _folder.Write("some-images-idx4-ubyte", Array([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]));
        using var source = ImageSources.Open(new() { Path = path });
        Assert.Equal(3, source.Read(0).RawChannels);
        Assert.Equal(-1, source.Label(0));
        Assert.Empty(source.ClassNames);
    }

    [Fact]
    public void SeveralImagesFilesAreListed()
    {
        _folder.Write("t10k-images-idx3-ubyte.gz", Zip(Array([1, 1, 1], [1])));
        _folder.Write("train-images-idx3-ubyte.gz", Zip(Array([1, 1, 1], [1])));
        Assert.Equal(
            $"{_folder.Path}: holds several IDX images files (t10k-images-idx3-ubyte.gz, train-images-idx3-ubyte.gz); "
            + "name one of them",
            Refusal(_folder.Path));
    }

    [Theory]
    [InlineData(new[] { 2, 2, 2 }, 7, "is truncated")]
    [InlineData(new[] { 2, 2, 2 }, 9, "holds more than")]
    [InlineData(new[] { 0, 2, 2 }, 0, "must not be empty")]
    [InlineData(new[] { 2_000_000_000, 2, 2 }, 8, "is truncated, its header promises 2000000000 x 2 x 2 bytes")]
    [InlineData(new[] { 1, 2_000_000_000, 2_000_000_000 }, 8, "data.maxPixels allows 100,000,000 pixels")]
    [InlineData(new[] { 8 }, 8, "must be M x H x W")]
    [InlineData(new[] { 1, 2, 2, 2 }, 8, "must be M x H x W")]
    public void AHeaderThatDoesNotFitIsRefused(int[] dimensions, int values, string message)
    {
        var path = _folder.Write("x-images-idx3-ubyte", Array(dimensions, new byte[values]));
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(message, Refusal(path), StringComparison.Ordinal);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - allocated < 1 << 20);
    }

    [Fact]
    public void ADamagedArchiveIsRefused()
    {
        var zipped = Zip(Array([100, 10, 10], new byte[10_000]));
        var path = _folder.Write("x-images-idx3-ubyte.gz", zipped.AsSpan(0, zipped.Length / 2));
        Assert.StartsWith($"{path}: ", Refusal(path), StringComparison.Ordinal);
        path = _folder.Write("y-images-idx3-ubyte.gz", [0x1F, 0x8B, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        Assert.Contains("gzip", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void LabelsOfAnotherNumberAreRefused()
    {
        var path = _folder.Write("x-images-idx3-ubyte", Array([2, 1, 1], [1, 2]));
        var labels = _folder.Write("x-labels-idx1-ubyte", Array([3], [1, 2, 3]));
        Assert.StartsWith($"{labels}: an array of 3 bytes, must be 2 labels", Refusal(path), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static string Refusal(string path) =>
        Assert.Throws<DataException>(() => ImageSources.Open(new() { Path = path })).Message;

    private static byte[] Array(int[] dimensions, byte[] values)
    {
        var header = new byte[4 + (4 * dimensions.Length)];
        (header[2], header[3]) = (0x08, (byte)dimensions.Length);
        for (var i = 0; i < dimensions.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + (4 * i)), dimensions[i]);
        }

        return [.. header, .. values];
    }

    private static byte[] Zip(byte[] content)
    {
        using var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return zipped.ToArray();
    }
}

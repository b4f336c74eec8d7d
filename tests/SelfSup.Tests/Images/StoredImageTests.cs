using System.Runtime.InteropServices;

using SelfSup.Images;

namespace SelfSup.Tests.Images;

public sealed class StoredImageTests
{
    [Fact]
    public void ASmallerImageAfterALargerOneHasItsOwnLengthAndShape()
    {
        var image = new StoredImage([1, 2, 3, 4, 5, 6], 1, 2, 3);
        Assert.Equal((1, 2, 3), (image.RawWidth, image.RawHeight, image.RawChannels));
        ((ReadOnlySpan<byte>)[9, 8]).CopyTo(image.Reset(2));
        Assert.Equal([9, 8], image.Bytes.ToArray());
        Assert.Equal((0, 0, 0), (image.RawWidth, image.RawHeight, image.RawChannels));
        image.Take([]);
        Assert.True(image.Bytes.IsEmpty);
    }

    [Fact]
    public void TheBufferIsReusedAndAHugeOneIsNotKept()
    {
        var image = new StoredImage(new byte[100_000]);
        var before = Buffer(image);
        image.Reset((64 << 20) + 1)[^1] = 7;
        Assert.Equal(7, image.Bytes.Span[64 << 20]);
        image.Reset(10);
        Assert.Same(before, Buffer(image));
    }

    private static byte[] Buffer(StoredImage image)
    {
        Assert.True(MemoryMarshal.TryGetArray(image.Bytes, out var segment));
        return segment.Array!;
    }
}

using System.Buffers.Binary;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Tests.Images;

public sealed class ImageDecoderTests
{
    private readonly ImageDecoder _decoder = new(100_000_000);
    private readonly PixelImage _image = new();

    public static TheoryData<string> Fixtures { get; } = [.. Fixture.Names];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void PixelsAreThoseOfAnotherDecoder(string name)
    {
        _decoder.Decode(new StoredImage(Fixture.Bytes(name)), _image, name);
        var (width, height, pixels) = Fixture.Reference(name);
        Assert.Equal((width, height), (_image.Width, _image.Height));
        // Lossless formats leave no choice but the rounding of 16 bits to 8; lossy ones differ in their arithmetic.
        var tolerance = name switch
        {
            _ when name.Contains("16bit", StringComparison.Ordinal) => 1,
            _ when name.EndsWith(".jpg", StringComparison.Ordinal) => 3,
            "webp-lossy.webp" => 3,
            _ => 0,
        };
        var worst = 0;
        for (var i = 0; i < pixels.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(pixels[i] - _image.Pixels[i]));
        }

        Assert.True(worst <= tolerance, $"differs by {worst}, tolerance {tolerance}");
    }

    [Fact]
    public void EveryOrientationShowsTheSameImageInItsOwnWay()
    {
        var distinct = Enumerable.Range(1, 8).Select(orientation =>
        {
            _decoder.Decode(new StoredImage(Fixture.Bytes($"orientation-{orientation}.jpg")), _image, "here");
            return Convert.ToHexString(_image.Pixels) + _image.Width;
        });
        Assert.Equal(8, distinct.Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void ATruncatedFileIsRefused(string name)
    {
        var bytes = Fixture.Bytes(name);
        // The second half of the animated GIF is its second frame, which nobody asks for.
        double[] parts = name.EndsWith(".gif", StringComparison.Ordinal) ? [0.2, 0.3] : [0.2, 0.5, 0.75, 0.85];
        foreach (var part in parts)
        {
            var cut = new StoredImage(bytes.AsSpan(0, (int)(bytes.Length * part)));
            var error = Assert.Throws<DataException>(() => _decoder.Decode(cut, _image, "folder/it"));
            Assert.StartsWith("folder/it: ", error.Message, StringComparison.Ordinal);
            Assert.EndsWith("; remove it or set data.onUnreadable: skip", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Fact]
    public void ATruncatedJpegIsCalledTruncated()
    {
        var bytes = Fixture.Bytes("jpeg-420.jpg");
        var error = Assert.Throws<DataException>(
            () => _decoder.Decode(new StoredImage(bytes.AsSpan(0, bytes.Length - 60)), _image, "it"));
        Assert.Equal("it: this JPEG is truncated; remove it or set data.onUnreadable: skip", error.Message);
    }

    [Theory]
    [InlineData("", "it: is empty; remove it or set data.onUnreadable: skip")]
    [InlineData("hello", "it: not a JPEG, PNG, WebP, BMP or GIF; remove it or set data.onUnreadable: skip")]
    public void WhatIsNoImageIsRefused(string content, string message)
    {
        var bytes = System.Text.Encoding.ASCII.GetBytes(content);
        var error = Assert.Throws<DataException>(() => _decoder.Decode(new StoredImage(bytes), _image, "it"));
        Assert.Equal(message, error.Message);
    }

    [Theory]
    [InlineData("jpeg-420.jpg")]
    [InlineData("jpeg-progressive.jpg")]
    [InlineData("png-rgb.png")]
    [InlineData("bmp-rgb.bmp")]
    [InlineData("gif-animated.gif")]
    public void AHeaderThatPromisesAnAbsurdSizeIsRefusedWithoutTheMemory(string name)
    {
        var bytes = Promise65500Squared(Fixture.Bytes(name));
        var resident = ResidentBytes();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<DataException>(() => _decoder.Decode(new StoredImage(bytes), _image, "it"));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - allocated < 1 << 20);
        Assert.True(ResidentBytes() - resident < 64 << 20);
        Assert.Equal(
            "it: 65500 x 65500 pixels, data.maxPixels allows 100,000,000 pixels; "
            + "remove it, raise data.maxPixels or set data.onUnreadable: skip",
            error.Message);
    }

    [Fact]
    public void TheLimitIsTheLargestSizeAllowed()
    {
        var stored = new StoredImage(Fixture.Bytes("png-rgb.png"));
        new ImageDecoder(33 * 21).Decode(stored, _image, "it");
        Assert.Throws<DataException>(() => new ImageDecoder((33 * 21) - 1).Decode(stored, _image, "it"));
        Assert.Throws<DataException>(
            () => new ImageDecoder(3).Decode(new StoredImage(new byte[4], 2, 2, 1), _image, "it"));
    }

    [Fact]
    public void GrayRawPixelsBecomeRgb()
    {
        _decoder.Decode(new StoredImage(new byte[] { 1, 2, 3, 4, 5, 6 }, 3, 2, 1), _image, "it");
        Assert.Equal((3, 2), (_image.Width, _image.Height));
        Assert.Equal([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6], _image.Pixels.ToArray());
    }

    [Fact]
    public void RgbRawPixelsAreCopied()
    {
        _decoder.Decode(new StoredImage(new byte[] { 1, 2, 3, 4, 5, 6 }, 1, 2, 3), _image, "it");
        Assert.Equal([1, 2, 3, 4, 5, 6], _image.Pixels.ToArray());
        Assert.Throws<DataException>(() => _decoder.Decode(new StoredImage(new byte[5], 1, 2, 3), _image, "it"));
    }

    [Fact]
    public void DecodingAllocatesLittle()
    {
        var stored = new StoredImage(Fixture.Bytes("jpeg-420.jpg"));
        _decoder.Decode(stored, _image, "it");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            _decoder.Decode(stored, _image, "it");
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 100, 0, 1000);
    }

    /// <summary>The same file with 65500 x 65500 in its header, valid but for that.</summary>
    private static byte[] Promise65500Squared(byte[] file)
    {
        switch (file[0])
        {
            case 0xFF:
                var frame = Enumerable.Range(0, file.Length).First(i => file[i] == 0xFF && file[i + 1] is 0xC0 or 0xC2);
                BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 5), 65500);
                BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 7), 65500);
                break;
            case 0x89:
                BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), 65500);
                BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), 65500);
                BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), Crc32(file.AsSpan(12, 17)));
                break;
            case (byte)'B':
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), 65500);
                BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), 65500);
                break;
            default:
                BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(6), 65500);
                BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), 65500);
                break;
        }

        return file;
    }

    private static uint Crc32(ReadOnlySpan<byte> data)
    {
        var crc = ~0u;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }

    private static long ResidentBytes()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}

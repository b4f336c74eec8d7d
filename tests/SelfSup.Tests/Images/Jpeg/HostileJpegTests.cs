using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Images.Jpeg;

using SkiaSharp;

namespace SelfSup.Tests.Images.Jpeg;

/// <summary>Files that someone made to break a decoder, or that a disk broke.</summary>
public sealed class HostileJpegTests
{
    private readonly ImageDecoder _decoder = new(100_000_000);
    private readonly PixelImage _image = new();

    private static readonly byte[] _photograph = MadeJpeg.Encode(
        300, 200, (x, y) => ((x * y) & 255, (x * 3) & 255, (y * 5) & 255), SKJpegEncoderDownsample.Downsample420);

    [Theory]
    [InlineData("jpeg-420.jpg")]
    [InlineData("jpeg-progressive.jpg")]
    [InlineData("jpeg-restart.jpg")]
    public void ATruncatedFileIsRefusedWhereverItEnds(string name)
    {
        var file = Fixture.Bytes(name);
        for (var length = 3; length < file.Length - 2; length++)
        {
            var error = Assert.Throws<DataException>(() => Decode(file.AsSpan(0, length)));
            Assert.Contains("this JPEG ", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ATruncatedPhotographIsRefusedWhereverItEnds()
    {
        var ends = Enumerable.Range(3, 61).Select(back => _photograph.Length - back)
            .Concat(Enumerable.Range(0, 200).Select(part => 3 + (int)((long)part * (_photograph.Length - 70) / 200)));
        foreach (var length in ends)
        {
            _ = Assert.Throws<DataException>(() => Decode(_photograph.AsSpan(0, length)));
        }
    }

    [Fact]
    public void AnEmptyFileAndAWrongExtensionAreNamed()
    {
        Assert.Equal("it: is empty; remove it or set data.onUnreadable: skip", Refusal([]));
        Assert.Equal(
            "it: not a JPEG, PNG, WebP, BMP or GIF; remove it or set data.onUnreadable: skip",
            Refusal(Encoding.ASCII.GetBytes("<svg xmlns='http://www.w3.org/2000/svg'/>")));
        Assert.Equal(DecodedBy.SkiaSharp, Decode(Fixture.Bytes("png-16bit.png"))); // the content decides
    }

    [Fact]
    public void AStartWithoutMoreIsRefused()
    {
        Assert.Contains("truncated", Refusal([0xFF, 0xD8, 0xFF]), StringComparison.Ordinal);
        Assert.Contains("holds no image", Refusal([0xFF, 0xD8, 0xFF, 0xD9]), StringComparison.Ordinal);
        Assert.Contains("truncated", Refusal([0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF, 1]), StringComparison.Ordinal);
        Assert.Contains("without length", Refusal([0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 1]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xC0)]
    [InlineData(0xC2)]
    public void AHugeFrameInASmallFileIsRefusedWithoutTheMemory(int marker)
    {
        var file = new JpegWriter().Quantization().Frame((byte)marker, 65500, 1500, 0x22, 0x11, 0x11)
            .Huffman(0x00, 1, 0).Huffman(0x10, 1, 0)
            .Scan([1, 2, 3], 0, marker == 0xC2 ? 0 : 63).Zeros(1000).End().File();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("truncated", Refusal(file), StringComparison.Ordinal);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - allocated < 1 << 20);
    }

    [Fact]
    public void AFrameOf65500SquaredIsRefused()
    {
        var file = JpegWriter.Flat(64, 64, 0x11);
        var frame = Array.IndexOf(file, (byte)0xC0);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 4), 65500);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 6), 65500);
        Assert.Contains("65500 x 65500 pixels", Refusal(file), StringComparison.Ordinal);
    }

    /// <summary>
    /// Sixteen megapixels in the kinds that we decode, and in 4:1:1 and arithmetic coding, which the library decodes: without
    /// a limit such a file takes minutes.
    /// </summary>
    [Theory]
    [InlineData(300, 63, 0xC2, 0x11)]
    [InlineData(42, 63, 0xC2, 0x11)]
    [InlineData(99, 9, 0xC2, 0x11)]
    [InlineData(99, 1, 0xC2, 0x11)]
    [InlineData(300, 63, 0xC2, 0x41)]
    [InlineData(42, 63, 0xC2, 0x41)]
    [InlineData(99, 1, 0xC2, 0x41)]
    [InlineData(2000, 1, 0xC2, 0x41)]
    [InlineData(42, 63, 0xCA, 0x11)]
    [InlineData(2000, 1, 0xCA, 0x11)]
    public void AProgressiveFileOfManyScansIsDecodedOrRefusedSoon(int scans, int coefficients, int frame, int factors)
    {
        var file = JpegWriter.Bomb(4000, 4000, scans, coefficients, (byte)frame, (byte)factors);
        var start = Stopwatch.GetTimestamp();
        var error = Record.Exception(() => Decode(file));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        TestContext.Current.TestOutputHelper?.WriteLine($"{seconds:F3} s, {error?.Message}");
        Assert.True(error is null or DataException, error?.ToString());
        Assert.True(scans < 100 || error is DataException);
        Assert.True(seconds < 5, $"{seconds:F1} s");
    }

    [Theory]
    [InlineData("progressive-many-refinements")]
    [InlineData("progressive-spectral-only")]
    public void HonestFilesOfManyScansAreFarFromTheLimit(string name) =>
        Assert.Equal(DecodedBy.SelfSup, Decode(JpegMatrix.Bytes("exact/" + name)));

    [Fact]
    public void TheScansOfALargeHonestFileAreRead()
    {
        // As many scans as encoders write, ten, of 36 megapixels.
        Assert.Equal(DecodedBy.SelfSup, Decode(JpegWriter.Bomb(6000, 6000, 9)));
        Assert.Equal((6000, 6000), (_image.Width, _image.Height));
    }

    [Fact]
    public void ThousandsOfRestartMarkersWhereNoneBelongAreRefused()
    {
        var file = new JpegWriter().Quantization().Frame(0xC0, 64, 64, 0x11).Huffman(0x00, 1, 0).Huffman(0x10, 1, 0)
            .Scan([1]);
        for (var i = 0; i < 100_000; i++)
        {
            file.Raw(0xFF, (byte)(0xD0 + (i & 7)));
        }

        Assert.Contains("truncated", Refusal(file.End().File()), StringComparison.Ordinal);
        Assert.Contains("restart markers out of order", Refusal(
            new JpegWriter().Quantization().Frame(0xC0, 64, 64, 0x11).Huffman(0x00, 1, 0).Huffman(0x10, 1, 0)
                .Scan([1]).Raw(0xFF, 0xD3).End().File()), StringComparison.Ordinal);
    }

    [Fact]
    public void RestartMarkersThatAreMissingAreRefused()
    {
        var file = new JpegWriter().Quantization().Frame(0xC0, 64, 64, 0x11).Huffman(0x00, 1, 0).Huffman(0x10, 1, 0)
            .Segment(0xDD, 0, 1).Scan([1]).Zeros(1000).End().File();
        Assert.Contains("restart markers are missing", Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void ThousandsOfTablesAreReadSoon()
    {
        var writer = new JpegWriter().Quantization().Frame(0xC0, 16, 16, 0x11);
        for (var i = 0; i < 200_000; i++)
        {
            writer.Huffman(0x00, 1, (byte)(i & 1)).Huffman(0x10, 1, (byte)(i & 1));
        }

        var file = writer.Huffman(0x00, 1, 0).Huffman(0x10, 1, 0).Scan([1]).Zeros(1).End().File();
        var start = Stopwatch.GetTimestamp();
        Assert.Equal(DecodedBy.SelfSup, Decode(file));
        Assert.True(Stopwatch.GetElapsedTime(start).TotalSeconds < 5);
    }

    [Fact]
    public void ASecondFrameIsRefused()
    {
        var once = new JpegWriter().Quantization().Frame(0xC2, 64, 64, 0x11).Huffman(0x00, 1, 0).Huffman(0x10, 1, 0)
            .Scan([1], 0, 0).Zeros(8);
        foreach (var marker in (byte[])[0xC0, 0xC2, 0xC3, 0xC9])
        {
            var file = new JpegWriter().Raw(once.File().AsSpan(2)).Frame(marker, 4000, 4000, 0x22, 0x11, 0x11)
                .Scan([1, 2, 3], 0, 0).End().File();
            Assert.Contains("a second frame header", Refusal(file), StringComparison.Ordinal);
        }
    }

    /// <summary>Quantization as at the component's first scan, Huffman tables and restart intervals as now.</summary>
    [Fact]
    public void WhatIsDefinedBetweenScansHoldsForTheNextScan()
    {
        var file = new JpegWriter().Quantization().Frame(0xC2, 16, 16, 0x11).Huffman(0x00, 1, 0).Huffman(0x10, 1, 0)
            .Scan([1], 0, 0).Raw(0x0F)
            .Segment(0xDB, [0, .. Enumerable.Repeat((byte)255, 64)]).Huffman(0x10, 2, 0, 0x01).Segment(0xDD, 0, 1)
            .Scan([1], 1, 63).Raw(0b01_1_00_111, 0xFF, 0xD0, 0x3F, 0xFF, 0xD1, 0x3F, 0xFF, 0xD2, 0x3F).End().File();
        Assert.Equal(DecodedBy.SelfSup, Decode(file));
        Assert.Equal(128, _image.Pixels[^1]);
        Assert.InRange(Math.Abs(_image.Pixels[0] - 128), 0, 1); // a coefficient of 1, and not of 255
    }

    [Fact]
    public void ATableWithTooManyCodesIsRefusedIfAScanUsesIt()
    {
        var start = new JpegWriter().Quantization().Frame(0xC0, 8, 8, 0x11).Huffman(0x10, 1, 0);
        var bad = new JpegWriter().Raw(start.File().AsSpan(2)).Huffman(0x00, 1, 0, 0, 0).Scan([1]).Zeros(1).End().File();
        Assert.Contains("a Huffman table has too many codes", Refusal(bad), StringComparison.Ordinal);
        var unused = new JpegWriter().Raw(start.File().AsSpan(2)).Huffman(0x01, 1, 0, 0, 0).Huffman(0x00, 1, 0)
            .Scan([1]).Zeros(1).End().File();
        Assert.Equal(DecodedBy.SelfSup, Decode(unused));
        // The same tables again, after the decoder has met bad ones.
        Assert.Contains("a Huffman table has too many codes", Refusal(bad), StringComparison.Ordinal);
    }

    /// <summary>A plane larger than what is kept between images is there until the pixels are made.</summary>
    [Fact]
    public void PlanesOfALargeImageOutliveItsDecoding()
    {
        var file = JpegWriter.Flat(8192, 8200, 0x11);
        var decoder = new JpegDecoder();
        Assert.True(decoder.ReadHeader(file));
        var region = new Region(0, 0, 8200, 8192);
        decoder.Decode(file, region);
        GC.Collect();
        // What is given back is taken again by something of the same size.
        var others = new byte[4][];
        foreach (ref var other in others.AsSpan())
        {
            other = GC.AllocateUninitializedArray<byte>((int)(1.25 * region.Height * region.Width), pinned: true);
            other.AsSpan().Fill(7);
        }

        var bottom = new Region(8100, 0, 100, 8192);
        var pixels = new byte[3 * bottom.Height * bottom.Width];
        new JpegPixels().Write(decoder.Header, bottom, pixels);
        Assert.Equal(-1, pixels.AsSpan().IndexOfAnyExcept((byte)128));
        GC.KeepAlive(others);
    }

    [Theory]
    [InlineData(0xE2, "ICC_PROFILE\0")]
    [InlineData(0xEE, "Adobe")]
    [InlineData(0xE1, "Exif\0\0")]
    [InlineData(0xE0, "JFIF\0")]
    public void SegmentsCutShortOrFilledWithAnythingDoNoHarm(int marker, string name)
    {
        foreach (var length in (int[])[0, 1, 2, 8, 9, 30, 65000])
        {
            foreach (var value in (byte[])[0, 0xFF, (byte)'I'])
            {
                byte[] content = [.. Encoding.ASCII.GetBytes(name), .. Enumerable.Repeat(value, length)];
                var segment = new JpegWriter().Segment((byte)marker, content).File();
                Assert.Equal(DecodedBy.SelfSup, Decode([.. segment, .. Fixture.Bytes("jpeg-420.jpg").AsSpan(2)]));
                Assert.Equal((33, 21), (_image.Width, _image.Height));
            }
        }
    }

    private DecodedBy Decode(ReadOnlySpan<byte> file) => _decoder.Decode(new StoredImage(file), _image, "it");

    private string Refusal(byte[] file)
    {
        var message = Assert.Throws<DataException>(() => Decode(file)).Message;
        Assert.StartsWith("it: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        return message;
    }
}

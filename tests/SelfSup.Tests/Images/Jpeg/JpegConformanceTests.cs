using System.Diagnostics;

using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Images.Jpeg;

namespace SelfSup.Tests.Images.Jpeg;

/// <summary>Pixels are those of libjpeg, whatever encoder wrote the file and however it is put together.</summary>
public sealed class JpegConformanceTests
{
    private const string Djpeg = "/usr/bin/djpeg";

    private readonly ImageDecoder _decoder = new(1 << 24);
    private readonly PixelImage _image = new();

    public static TheoryData<string> Exact { get; } = [.. JpegMatrix.Names("exact")];

    public static TheoryData<string> Near { get; } = [.. JpegMatrix.Names("near")];

    public static TheoryData<string> Library { get; } = [.. JpegMatrix.Names("library")];

    public static TheoryData<string> Refused { get; } = [.. JpegMatrix.Names("refused")];

    [Theory]
    [MemberData(nameof(Exact))]
    public void PixelsAreExactlyThoseOfLibjpeg(string name)
    {
        Assert.Equal(DecodedBy.SelfSup, Decode(name));
        var (width, height, pixels) = JpegMatrix.Reference(name);
        Assert.Equal((width, height), (_image.Width, _image.Height));
        Assert.True(_image.Pixels.SequenceEqual(pixels), Difference(_image.Pixels, pixels));
    }

    [Theory]
    [MemberData(nameof(Near))]
    public void InksBecomeTheColoursThatPillowMakesOfThem(string name)
    {
        Assert.Equal(DecodedBy.SelfSup, Decode(name));
        AssertNear(JpegMatrix.Reference(name));
    }

    [Theory]
    [MemberData(nameof(Library))]
    public void RareKindsAreDecodedByTheLibrary(string name)
    {
        Assert.Equal(DecodedBy.SkiaSharp, Decode(name));
        AssertNear(JpegMatrix.Reference(name));
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void WhatNobodyCanDecodeIsRefusedInOneLine(string name)
    {
        var error = Assert.Throws<DataException>(() => Decode(name));
        Assert.StartsWith(name + ": ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void PhotographsHaveThePixelsOfDjpeg()
    {
        const string Variable = "SELFSUP_PHOTOS";
        var folder = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipWhen(string.IsNullOrEmpty(folder), $"{Variable} names no folder of photographs");
        Assert.SkipUnless(File.Exists(Djpeg), $"{Djpeg} is not there (Debian: libjpeg-turbo-progs)");
        var compared = 0;
        var (decoder, writer) = (new JpegDecoder(), new JpegPixels());
        foreach (var path in Directory.EnumerateFiles(folder!, "*", SearchOption.AllDirectories))
        {
            var file = File.ReadAllBytes(path);
            if (EncodedImage.Format(file) != "JPEG" || !decoder.ReadHeader(file) || decoder.Header.Components.Length == 4)
            {
                continue;
            }

            // As stored: djpeg does not turn images.
            var header = decoder.Header;
            var whole = new Region(0, 0, header.Height, header.Width);
            decoder.Decode(file, whole);
            var pixels = new byte[3 * header.Height * header.Width];
            writer.Write(header, whole, pixels);
            var reference = JpegMatrix.Portable(RunDjpeg(path));
            Assert.Equal((reference.Width, reference.Height), (header.Width, header.Height));
            Assert.True(pixels.AsSpan().SequenceEqual(reference.Pixels), $"{path}: {Difference(pixels, reference.Pixels)}");
            compared++;
        }

        Assert.True(compared > 0, $"{folder}: no JPEG files");
        TestContext.Current.TestOutputHelper?.WriteLine($"{compared} photographs");
    }

    private DecodedBy Decode(string name) =>
        _decoder.Decode(new StoredImage(JpegMatrix.Bytes(name)), _image, name);

    private void AssertNear((int Width, int Height, byte[] Pixels) reference)
    {
        Assert.Equal((reference.Width, reference.Height), (_image.Width, _image.Height));
        var (worst, mean) = Distance(_image.Pixels, reference.Pixels);
        Assert.True(worst <= 2 && mean < 0.3, Difference(_image.Pixels, reference.Pixels));
    }

    private static string Difference(ReadOnlySpan<byte> pixels, ReadOnlySpan<byte> reference)
    {
        var (worst, mean) = Distance(pixels, reference);
        return $"differs by up to {worst}, {mean:F3} on average";
    }

    private static (int Worst, double Mean) Distance(ReadOnlySpan<byte> pixels, ReadOnlySpan<byte> reference)
    {
        var (worst, sum) = (0, 0L);
        for (var i = 0; i < pixels.Length; i++)
        {
            var distance = Math.Abs(pixels[i] - reference[i]);
            (worst, sum) = (Math.Max(worst, distance), sum + distance);
        }

        return (worst, (double)sum / pixels.Length);
    }

    private static byte[] RunDjpeg(string path)
    {
        var start = new ProcessStartInfo(Djpeg, ["-dct", "int", "-pnm", path]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        return output.ToArray();
    }
}

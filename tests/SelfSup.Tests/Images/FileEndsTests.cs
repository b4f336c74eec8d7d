using System.Buffers.Binary;

using SelfSup.Images;

namespace SelfSup.Tests.Images;

/// <summary>A file that lacks its end is told from one that is whole, whatever cameras and programs put behind the end.</summary>
public sealed class FileEndsTests
{
    public static TheoryData<string> Fixtures { get; } = [.. Fixture.Names];

    public static TheoryData<string> Jpegs { get; } = [.. Fixture.Names.Where(name => name.EndsWith(".jpg", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void AFileHasItsEndAndAPieceOfItHasNot(string name)
    {
        var file = Fixture.Bytes(name);
        var format = EncodedImage.Format(file)!;
        Assert.False(FileEnds.IsCutOff(file, format));
        foreach (var part in new[] { 0.3, 0.5, 0.85 })
        {
            Assert.True(FileEnds.IsCutOff(file.AsSpan(0, (int)(file.Length * part)), format), $"{part} of it");
        }
    }

    /// <summary>A motion photo has a film behind the image, some cameras put a second, smaller JPEG there.</summary>
    [Theory]
    [MemberData(nameof(Jpegs))]
    public void AJpegEndsWhereItsImageDoes(string name)
    {
        var file = Fixture.Bytes(name);
        byte[] film = [0, 0, 0, 0x18, .. "ftypmp42"u8, 0xFF, 0xDA, 0x12, 0xFF, 0xD8, 1, 2, 3];
        Assert.False(FileEnds.IsCutOff([.. file, .. film], "JPEG"));
        Assert.False(FileEnds.IsCutOff([.. file, .. file[..(file.Length / 2)]], "JPEG"));
        Assert.True(FileEnds.IsCutOff(file.AsSpan(0, file.Length - 2), "JPEG"));
    }

    /// <summary>A thumbnail among the segments has a start, scans and an end of its own, which say nothing of the image.</summary>
    [Fact]
    public void AThumbnailsMarkersAreNotTheImages()
    {
        var file = Fixture.Bytes("jpeg-420.jpg");
        foreach (var thumbnail in new[] { file, file[..^2], [0xFF, 0xDA, 1, 2] })
        {
            byte[] size = new byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(size, (ushort)(2 + thumbnail.Length));
            byte[] photograph = [.. file[..2], 0xFF, 0xE1, .. size, .. thumbnail, .. file[2..]];
            Assert.False(FileEnds.IsCutOff(photograph, "JPEG"));
            Assert.True(FileEnds.IsCutOff(photograph.AsSpan(0, photograph.Length - 2), "JPEG"));
            Assert.True(FileEnds.IsCutOff(photograph.AsSpan(0, thumbnail.Length + 6), "JPEG")); // only the thumbnail is whole
        }
    }

    [Fact]
    public void AnEndWithoutAnImageIsNone() => Assert.True(FileEnds.IsCutOff([0xFF, 0xD8, 0xFF, 0xD9], "JPEG"));

    [Fact]
    public void AGifEndsAtItsTrailer()
    {
        var file = Fixture.Bytes("gif-animated.gif");
        Assert.False(FileEnds.IsCutOff([.. file, 0, 0, 0], "GIF"));
        Assert.False(FileEnds.IsCutOff([.. file, .. "appended"u8], "GIF"));
        // A trailer's byte among the codes of an image is none.
        for (var length = 0; length < file.Length; length++)
        {
            Assert.True(FileEnds.IsCutOff(file.AsSpan(0, length), "GIF"), $"{length} bytes");
        }
    }

    [Theory]
    [InlineData("bmp-rgb.bmp")]
    [InlineData("bmp-palette.bmp")]
    public void ABitmapEndsWithItsLastRow(string name)
    {
        var file = Fixture.Bytes(name);
        Assert.False(FileEnds.IsCutOff([.. file, 1, 2, 3], "BMP"));
        Assert.True(FileEnds.IsCutOff(file.AsSpan(0, file.Length - 1), "BMP"));
        for (var length = 2; length < 60; length++)
        {
            Assert.True(FileEnds.IsCutOff(file.AsSpan(0, length), "BMP"), $"{length} bytes");
        }
    }

    /// <summary>OS/2's headers are shorter than those of Windows: a small image in them has less than 54 bytes.</summary>
    [Theory]
    [InlineData(12)]
    [InlineData(16)]
    public void ASmallBitmapOfOs2IsWhole(int header)
    {
        var file = Os2Bitmap(header, width: 2, rows: 2);
        Assert.True(file.Length < 54);
        Assert.False(FileEnds.IsCutOff(file, "BMP"));
        for (var length = 2; length < file.Length; length++)
        {
            Assert.True(FileEnds.IsCutOff(file.AsSpan(0, length), "BMP"), $"{length} bytes");
        }
    }

    /// <summary>These files are images to a decoder that judges them itself.</summary>
    [Fact]
    public void TheSmallBitmapAndTheTrailersAreImages()
    {
        var (decoder, pixels) = (new ImageDecoder(1 << 20), new PixelImage());
        decoder.Decode(new StoredImage(Os2Bitmap(12, width: 3, rows: 2)), pixels, "it");
        Assert.Equal((3, 2), (pixels.Width, pixels.Height));
        decoder.Decode(new StoredImage([.. Fixture.Bytes("gif-animated.gif"), .. "appended"u8]), pixels, "it");
        decoder.Decode(new StoredImage([.. Fixture.Bytes("jpeg-progressive.jpg"), .. "appended"u8]), pixels, "it");
    }

    private static byte[] Os2Bitmap(int header, int width, int rows)
    {
        var stride = ((24 * width) + 31) / 32 * 4;
        var file = new byte[14 + header + (stride * rows)];
        "BM"u8.CopyTo(file);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(2), file.Length);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(10), 14 + header);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(14), header);
        int[] fields = [width, rows, 1, 24];
        var at = 18;
        for (var i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteInt16LittleEndian(file.AsSpan(at), (short)fields[i]);
            at += header > 12 && i < 2 ? 4 : 2; // sizes of 32 bits, but in the first version
        }

        return file;
    }
}

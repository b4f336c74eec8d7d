using System.Buffers.Binary;

using SkiaSharp;

namespace SelfSup.Tests.Support;

/// <summary>JPEG files that look like photographs to a decoder: smooth shapes, edges, a little noise, colours.</summary>
internal static class Photographs
{
    /// <summary>The subsamplings that SkiaSharp writes.</summary>
    public static TheoryData<string> Samplings => ["Downsample420", "Downsample422", "Downsample444"];

    /// <summary>A colour JPEG.</summary>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="sampling">The resolution of the colours.</param>
    /// <param name="seed">Another picture for another number.</param>
    /// <param name="noise">Levels of noise.</param>
    /// <param name="quality">Of the encoder.</param>
    public static byte[] Jpeg(
        int width, int height, string sampling = "Downsample420", int seed = 1, double noise = 6, int quality = 92)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var pixels = bitmap.GetPixelSpan();
        var random = new Random(seed);
        var phase = random.NextDouble() * 10;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var edge = ((x / 37) + (y / 29)) % 3 == 0 ? 30 : 0;
                for (var channel = 0; channel < 3; channel++)
                {
                    var wave = Math.Sin((x * 0.021) + (channel * 0.7) + phase) * Math.Cos((y * 0.017) - (channel * 0.4));
                    var value = 118 + (60 * wave) + edge + (noise * (random.NextDouble() - 0.5));
                    pixels[(((y * width) + x) * 4) + channel] = (byte)Math.Clamp(value, 0, 255);
                }

                pixels[(((y * width) + x) * 4) + 3] = 255;
            }
        }

        using var pixmap = bitmap.PeekPixels();
        using var data = pixmap.Encode(new SKJpegEncoderOptions(
            quality, Enum.Parse<SKJpegEncoderDownsample>(sampling), SKJpegEncoderAlphaOption.Ignore));
        return data!.ToArray();
    }

    /// <summary>The same file with an EXIF orientation.</summary>
    public static byte[] Oriented(byte[] jpeg, int orientation)
    {
        byte[] tiff =
        [
            .. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0,
        ];
        var header = new byte[4];
        (header[0], header[1]) = (0xFF, 0xE1);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(tiff.Length + 2));
        return [.. jpeg[..2], .. header, .. tiff, .. jpeg[2..]];
    }
}

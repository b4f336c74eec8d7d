using SkiaSharp;

namespace SelfSup.Tests.Images.Jpeg;

/// <summary>JPEG files of made-up pixels.</summary>
internal static class MadeJpeg
{
    public static IReadOnlyList<SKJpegEncoderDownsample> Samplings { get; } =
        [SKJpegEncoderDownsample.Downsample444, SKJpegEncoderDownsample.Downsample422, SKJpegEncoderDownsample.Downsample420];

    /// <summary>Encodes an image.</summary>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="color">The colour of a pixel, by x and y.</param>
    /// <param name="sampling">How the colour differences are sampled.</param>
    /// <param name="quality">1 to 100.</param>
    public static byte[] Encode(
        int width, int height, Func<int, int, (int Red, int Green, int Blue)> color, SKJpegEncoderDownsample sampling,
        int quality = 95)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var pixels = bitmap.GetPixelSpan();
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (red, green, blue) = color(x, y);
                var pixel = pixels[(4 * ((y * width) + x))..];
                (pixel[0], pixel[1], pixel[2], pixel[3]) = ((byte)red, (byte)green, (byte)blue, 255);
            }
        }

        using var map = bitmap.PeekPixels();
        using var stream = new MemoryStream();
        var options = new SKJpegEncoderOptions(quality, sampling, SKJpegEncoderAlphaOption.Ignore);
        Assert.True(map.Encode(stream, options));
        return stream.ToArray();
    }
}

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;

using SkiaSharp;

namespace SelfSup.Datasets;

/// <summary>
/// Encodes images for a pack. One thread owns it. Only the encoder is the library's; pixels are averaged by the same
/// antialiased resampling that training uses.
/// </summary>
/// <param name="shortSide">The short side that images are brought to.</param>
/// <param name="quality">Of the JPEG.</param>
internal sealed unsafe class ImageEncoder(int shortSide, int quality)
{
    // Full colour resolution: an image that is small already has no colour to give away.
    private readonly SKJpegEncoderOptions _jpeg =
        new(quality, SKJpegEncoderDownsample.Downsample444, SKJpegEncoderAlphaOption.Ignore);

    private readonly Resize _resize = new(new() { Size = shortSide, Interpolation = Interpolation.Bicubic });
    private readonly ViewCanvas _canvas = new();

    /// <summary>Brings the short side of an image to the size, as a recipe's <c>resize</c> would.</summary>
    /// <returns>A JPEG file.</returns>
    /// <exception cref="DataException">The format has no room for an image that long.</exception>
    public byte[] Shrink(PixelImage image, string where)
    {
        var none = default(CounterRandom); // a resize draws nothing
        _canvas.Start(image);
        _resize.Apply(_canvas, ref none);
        var (height, width) = (_canvas.Height, _canvas.Width);
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Interleave(_canvas.Planes, new Span<byte>((void*)bitmap.GetPixels(), width * height * 4));
        using var pixmap = bitmap.PeekPixels();
        using var file = pixmap.Encode(_jpeg) ?? throw new DataException(
            $"{where}: {width} x {height} pixels at the short side of {shortSide}, is too long for a JPEG; remove it");
        return file.ToArray();
    }

    /// <summary>Raw pixels as a PNG, in which nothing is lost.</summary>
    public static byte[] Png(StoredImage raw)
    {
        var isGray = raw.RawChannels == 1;
        using var bitmap = new SKBitmap(new SKImageInfo(
            raw.RawWidth, raw.RawHeight, isGray ? SKColorType.Gray8 : SKColorType.Rgba8888, SKAlphaType.Opaque));
        var source = raw.Bytes.Span;
        for (var y = 0; y < raw.RawHeight; y++)
        {
            var row = source.Slice(y * raw.RawWidth * raw.RawChannels, raw.RawWidth * raw.RawChannels);
            var target = new Span<byte>((byte*)bitmap.GetPixels() + (y * bitmap.RowBytes), bitmap.RowBytes);
            if (isGray)
            {
                row.CopyTo(target);
                continue;
            }

            for (var x = 0; x < raw.RawWidth; x++)
            {
                row.Slice(3 * x, 3).CopyTo(target[(4 * x)..]);
                target[(4 * x) + 3] = 255;
            }
        }

        using var pixmap = bitmap.PeekPixels();
        using var file = pixmap.Encode(SKPngEncoderOptions.Default);
        return file!.ToArray(); // a PNG has room for every size
    }

    /// <summary>Planes in 0..1 to RGBA; the cubic filter's overshoot at hard edges is cut off.</summary>
    private static void Interleave(ReadOnlySpan<float> planes, Span<byte> rgba)
    {
        var plane = planes.Length / 3;
        for (var i = 0; i < plane; i++)
        {
            for (var channel = 0; channel < 3; channel++)
            {
                var value = Math.Clamp(planes[(channel * plane) + i], 0, 1);
                rgba[(4 * i) + channel] = (byte)((value * 255) + 0.5f);
            }

            rgba[(4 * i) + 3] = 255;
        }
    }
}

using SelfSup.Search;

using SkiaSharp;

namespace SelfSup.Reports;

/// <summary>Pictures as a page holds them in itself.</summary>
internal static class PictureFile
{
    /// <summary>Up to this side a picture is kept as it is: it is shown enlarged, pixel for pixel.</summary>
    private const int LosslessSide = 64;
    private const int Quality = 80;

    /// <summary>A picture of pixels.</summary>
    /// <param name="colors">8-bit RGB, interleaved, [H, W, 3].</param>
    /// <param name="width">W.</param>
    /// <param name="height">H.</param>
    /// <param name="mostSide">Its long side at most; larger ones are reduced.</param>
    public static Thumbnail Of(ReadOnlySpan<byte> colors, int width, int height, int mostSide)
    {
        using var whole = Bitmap(colors, width, height);
        var factor = Math.Min(1.0, (double)mostSide / Math.Max(width, height));
        if (factor == 1)
        {
            return new Thumbnail(Address(whole, Quality), width, height);
        }

        var info = new SKImageInfo(Math.Max(1, (int)(width * factor)), Math.Max(1, (int)(height * factor)), SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var reduced = new SKBitmap(info);
        using (var canvas = new SKCanvas(reduced))
        using (var image = SKImage.FromBitmap(whole))
        {
            canvas.DrawImage(image, SKRect.Create(info.Width, info.Height), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear), null);
        }

        return new Thumbnail(Address(reduced, Quality), width, height);
    }

    /// <summary>A picture as a WebP file in a <c>data:</c> address.</summary>
    /// <param name="bitmap">The picture.</param>
    /// <param name="quality">Of a large one; small ones lose nothing.</param>
    public static string Address(SKBitmap bitmap, int quality)
    {
        var isSmall = Math.Max(bitmap.Width, bitmap.Height) <= LosslessSide;
        using var pixmap = bitmap.PeekPixels();
        using var file = pixmap.Encode(new SKWebpEncoderOptions(isSmall ? SKWebpEncoderCompression.Lossless : SKWebpEncoderCompression.Lossy, isSmall ? 100 : quality));
        return "data:image/webp;base64," + Convert.ToBase64String(file!.AsSpan());
    }

    private static SKBitmap Bitmap(ReadOnlySpan<byte> colors, int width, int height)
    {
        var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var target = bitmap.GetPixelSpan();
        for (var (from, to) = (0, 0); from < colors.Length; (from, to) = (from + 3, to + 4))
        {
            colors.Slice(from, 3).CopyTo(target[to..]);
            target[to + 3] = 255;
        }

        return bitmap;
    }
}

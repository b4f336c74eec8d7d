using System.Runtime.InteropServices;

using SkiaSharp;

namespace SelfSup.Augmentation;

/// <summary>How pictures of pictures look: their colours, and an image in its square.</summary>
internal static class SheetCell
{
    private static readonly SKColor _mat = new(0xE6, 0xE6, 0xE2);
    private static readonly SKSamplingOptions _enlarge = new(SKFilterMode.Nearest);
    private static readonly SKSamplingOptions _reduce = new(SKFilterMode.Linear, SKMipmapMode.Linear);

    public static SKColor Paper { get; } = new(0xF7, 0xF7, 0xF5);

    public static SKColor Ink { get; } = new(0x50, 0x50, 0x50);

    /// <summary>
    /// Draws interleaved RGB in the middle of a square, as large as it fits; small images are enlarged by whole factors,
    /// pixel for pixel.
    /// </summary>
    public static void Draw(
        SKCanvas canvas, float left, float top, int side, ReadOnlySpan<byte> colors, int width, int height)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var target = MemoryMarshal.Cast<byte, uint>(bitmap.GetPixelSpan());
        for (var i = 0; i < target.Length; i++)
        {
            var (red, green, blue) = (colors[3 * i], colors[(3 * i) + 1], colors[(3 * i) + 2]);
            target[i] = red | ((uint)green << 8) | ((uint)blue << 16) | 0xFF000000;
        }

        var factor = Math.Min((float)side / width, (float)side / height);
        factor = factor >= 1 ? MathF.Floor(factor) : factor;
        using var mat = new SKPaint { Color = _mat };
        canvas.DrawRect(SKRect.Create(left, top, side, side), mat);
        var (drawnWidth, drawnHeight) = (Math.Max(1, MathF.Round(width * factor)), Math.Max(1, MathF.Round(height * factor)));
        var place = SKRect.Create(
            left + MathF.Floor((side - drawnWidth) / 2), top + MathF.Floor((side - drawnHeight) / 2), drawnWidth, drawnHeight);
        using var image = SKImage.FromBitmap(bitmap);
        canvas.DrawImage(image, place, factor >= 1 ? _enlarge : _reduce, null);
    }
}

using SelfSup.Errors;
using SelfSup.Images;

using SkiaSharp;

namespace SelfSup.Augmentation;

/// <summary>Small pictures side by side in one, row after row, without a gap: how viewers of embeddings take them.</summary>
internal static class SpriteSheet
{
    /// <summary>Pixels a side that viewers take at most.</summary>
    public const int LargestSide = 8192;

    private const int LargestCell = 64;

    /// <summary>Pixels a side of each of so many pictures.</summary>
    public static int CellOf(int images) => Math.Clamp(LargestSide / Columns(images), 1, LargestCell);

    /// <summary>Draws the pictures and writes them as PNG; the place of an image that cannot be read stays empty.</summary>
    /// <param name="destination">Takes the PNG.</param>
    /// <param name="source">The data.</param>
    /// <param name="decoder">Decodes the images.</param>
    /// <param name="indices">The images.</param>
    public static void Write(Stream destination, IImageSource source, ImageDecoder decoder, IReadOnlyList<long> indices)
    {
        var (cell, columns) = (CellOf(indices.Count), Columns(indices.Count));
        var rows = (indices.Count + columns - 1) / columns;
        using var bitmap = new SKBitmap(new SKImageInfo(columns * cell, rows * cell, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SheetCell.Paper);
        var (stored, pixels) = (new StoredImage(), new PixelImage());
        for (var i = 0; i < indices.Count; i++)
        {
            try
            {
                source.Read((int)indices[i], stored);
                decoder.Decode(stored, pixels, new ImageLocation(source, (int)indices[i]));
            }
            catch (DataException)
            {
                continue;
            }

            var (row, column) = Math.DivRem(i, columns);
            SheetCell.Draw(canvas, column * cell, row * cell, cell, pixels.Pixels, pixels.Width, pixels.Height);
        }

        canvas.Flush();
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        png.SaveTo(destination);
    }

    private static int Columns(int images) => (int)Math.Ceiling(Math.Sqrt(images));
}

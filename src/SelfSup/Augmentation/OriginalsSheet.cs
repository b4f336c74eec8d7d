using SelfSup.Errors;
using SelfSup.Images;

using SkiaSharp;

namespace SelfSup.Augmentation;

/// <summary>A picture of what is in a source: a grid of images, each with its label below it.</summary>
internal static class OriginalsSheet
{
    private const int Cell = 160;
    private const int Gap = 10;
    private const int Margin = 16;
    private const int LineGap = 4;
    private const int MostColumns = 8;
    private const int LineHeight = SheetLetters.LineHeight + LineGap;

    /// <summary>Draws the sheet and writes it as PNG.</summary>
    /// <param name="destination">Takes the PNG.</param>
    /// <param name="source">The data.</param>
    /// <param name="decoder">Decodes the images.</param>
    /// <param name="candidates">Images in the order of the grid; those that cannot be read are passed over.</param>
    /// <param name="count">How many are drawn, if there are so many.</param>
    /// <returns>How many are drawn.</returns>
    public static int Write(
        Stream destination, IImageSource source, ImageDecoder decoder, IReadOnlyList<int> candidates, int count)
    {
        var cells = Math.Min(count, candidates.Count);
        var columns = Math.Min(MostColumns, (int)Math.Ceiling(Math.Sqrt(cells)));
        var rows = (cells + columns - 1) / columns;
        var rowHeight = Cell + LineGap + (source.ClassNames.Count > 0 ? LineHeight : 0) + Gap;
        using var bitmap = new SKBitmap(new SKImageInfo(
            (2 * Margin) + (columns * (Cell + Gap)) - Gap, (2 * Margin) + (rows * rowHeight) - Gap,
            SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var canvas = new SKCanvas(bitmap);
        using var paint = new SKPaint { Color = SheetCell.Ink };
        canvas.Clear(SheetCell.Paper);

        var (stored, pixels) = (new StoredImage(), new PixelImage());
        var drawn = 0;
        for (var candidate = 0; candidate < candidates.Count && drawn < cells; candidate++)
        {
            var index = candidates[candidate];
            if (!Load(source, decoder, index, stored, pixels))
            {
                continue;
            }

            var (row, column) = Math.DivRem(drawn++, columns);
            var (left, top) = (Margin + (column * (Cell + Gap)), Margin + (row * rowHeight));
            SheetCell.Draw(canvas, left, top, Cell, pixels.Pixels, pixels.Width, pixels.Height);
            if (source.Label(index) is >= 0 and var label)
            {
                SheetLetters.Draw(canvas, Fitted(source.ClassNames[label]), left, top + Cell + LineGap, paint);
            }
        }

        canvas.Flush();
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        png.SaveTo(destination);
        return drawn;
    }

    private static bool Load(
        IImageSource source, ImageDecoder decoder, int index, StoredImage stored, PixelImage pixels)
    {
        try
        {
            source.Read(index, stored);
            decoder.Decode(stored, pixels, source.Locate(index));
            return true;
        }
        catch (DataException)
        {
            return false;
        }
    }

    private static string Fitted(string name)
    {
        var most = SheetLetters.Fitting(Cell);
        return name.Length <= most ? name : name[..(most - 2)] + "..";
    }
}

using SelfSup.Images;

using SkiaSharp;

namespace SelfSup.Augmentation;

/// <summary>
/// A picture of what the pipelines do: a row per image with the original and its views, as the network would see them
/// but with the normalisation undone. Small views are enlarged by whole factors, pixel for pixel.
/// </summary>
internal sealed class ContactSheet
{
    private const int SmallestCell = 128;
    private const int LargestCell = 256;
    private const int Gap = 6;
    private const int Margin = 16;
    private const int LineGap = 4;

    private readonly IReadOnlyList<ViewPipeline> _views;
    private readonly int _cell;

    /// <param name="views">The pipeline of each view, in the order of the batch.</param>
    /// <exception cref="ArgumentException">A view's transforms do not fix its size.</exception>
    public ContactSheet(IReadOnlyList<ViewPipeline> views)
    {
        _views = views;
        _cell = Math.Clamp(views.Max(view => Enlarged(ViewPictures.SizeOf(view))), SmallestCell, LargestCell);
    }

    /// <summary>How often each view is drawn, with the random numbers of that many epochs.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>The first of these epochs.</summary>
    public long FirstEpoch { get; init; }

    /// <summary>The run's seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>Draws the sheet and writes it as PNG.</summary>
    /// <param name="destination">Takes the PNG.</param>
    /// <param name="source">The data.</param>
    /// <param name="decoder">Decodes the images.</param>
    /// <param name="indices">The images, one row each.</param>
    /// <exception cref="Errors.DataException">An image cannot be read.</exception>
    public void Write(Stream destination, IImageSource source, ImageDecoder decoder, IReadOnlyList<int> indices)
    {
        var columns = 1 + (_views.Count * Epochs);
        var width = (2 * Margin) + (columns * (_cell + Gap)) - Gap;
        var height = (2 * Margin) + TitleHeight + (indices.Count * (_cell + Gap)) - Gap;
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SheetCell.Paper);
        DrawTitles(canvas);

        var views = new ViewPictures(_views, Seed);
        var stored = new StoredImage();
        var pixels = new PixelImage();
        var image = new DecodedImage();
        for (var row = 0; row < indices.Count; row++)
        {
            source.Read(indices[row], stored);
            var place = new ImageLocation(source, indices[row]);
            decoder.Decode(stored, pixels, place);
            Draw(canvas, row, 0, pixels.Pixels, pixels.Width, pixels.Height);
            decoder.Open(stored, image, place);
            decoder.Decode(stored, new Region(0, 0, image.Height, image.Width), 1, image);
            for (var column = 0; column < _views.Count * Epochs; column++)
            {
                var (view, epoch) = (column % _views.Count, FirstEpoch + (column / _views.Count));
                var size = ViewPictures.SizeOf(_views[view]);
                Draw(canvas, row, 1 + column, views.Make(image, indices[row], view, epoch), size, size);
            }
        }

        canvas.Flush();
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        png.SaveTo(destination);
    }

    private void DrawTitles(SKCanvas canvas)
    {
        using var paint = new SKPaint { Color = SheetCell.Ink };
        SheetLetters.Draw(canvas, "original", CellLeft(0), Margin, paint);
        for (var column = 0; column < _views.Count * Epochs; column++)
        {
            var (view, epoch) = (column % _views.Count, FirstEpoch + (column / _views.Count));
            SheetLetters.Draw(canvas, $"view {view + 1}", CellLeft(1 + column), Margin, paint);
            if (Epochs > 1)
            {
                var second = Margin + SheetLetters.LineHeight + LineGap;
                SheetLetters.Draw(canvas, $"epoch {epoch}", CellLeft(1 + column), second, paint);
            }
        }
    }

    private void Draw(SKCanvas canvas, int row, int column, ReadOnlySpan<byte> colors, int width, int height) =>
        SheetCell.Draw(
            canvas, CellLeft(column), Margin + TitleHeight + (row * (_cell + Gap)), _cell, colors, width, height);

    private int TitleHeight => (Epochs > 1 ? 2 : 1) * (SheetLetters.LineHeight + LineGap);

    private float CellLeft(int column) => Margin + (column * (_cell + Gap));

    private static int Enlarged(int size) => size * Math.Max(1, (SmallestCell + size - 1) / size);
}

using SelfSup.Augmentation;
using SelfSup.Images;

using SkiaSharp;

namespace SelfSup.Tests.Augmentation;

public sealed class OriginalsSheetTests
{
    [Fact]
    public void ASheetIsAGridOfImagesWithTheirLabels()
    {
        byte[] orange = [.. Enumerable.Repeat(new byte[] { 200, 100, 50 }, 32 * 32).SelectMany(p => p)];
        using var source = new RawImages([orange, orange, [], orange, orange, orange], 32, 32);
        using var stream = new MemoryStream();
        // The image that cannot be read is passed over.
        Assert.Equal(4, OriginalsSheet.Write(stream, source, new ImageDecoder(1_000_000), [2, 5, 4, 3, 1, 0], 4));
        stream.Position = 0;
        using var sheet = SKBitmap.Decode(stream);
        // Cells of 160 pixels, 10 apart, with a label of 22 and 4 pixels of room; margins of 16.
        Assert.Equal((32 + (2 * 170) - 10, 32 + (2 * 196) - 10), (sheet.Width, sheet.Height));
        foreach (var (x, y) in new[] { (96, 96), (96 + 170, 96), (96, 96 + 196), (96 + 170, 96 + 196) })
        {
            Assert.Equal(new SKColor(200, 100, 50), sheet.GetPixel(x, y));
        }

        var paper = sheet.GetPixel(0, 0);
        Assert.Contains(Enumerable.Range(16, 12), x => Enumerable.Range(180, 18).Any(y => sheet.GetPixel(x, y) != paper));
    }
}

using SelfSup.Augmentation;
using SelfSup.Images;

using SkiaSharp;

namespace SelfSup.Tests.Augmentation;

public sealed class ContactSheetTests
{
    [Fact]
    public void ASheetHasARowPerImageAndAColumnPerView()
    {
        using var source = RawImages.Random(5, 28, 28);
        using var stream = new MemoryStream();
        new ContactSheet([Views.SimClr(28), Views.SimClr(28)]) { Epochs = 2 }
            .Write(stream, source, new ImageDecoder(1_000_000), [0, 3, 4]);
        stream.Position = 0;
        using var sheet = SKBitmap.Decode(stream);
        // Cells of 5 x 28 pixels, 6 apart; margins of 16 and two lines of titles of 22.
        Assert.Equal((32 + (5 * 146) - 6, 32 + 44 + (3 * 146) - 6), (sheet.Width, sheet.Height));
        var paper = sheet.GetPixel(0, 0);
        for (var column = 0; column < 5; column++)
        {
            Assert.Contains(
                Enumerable.Range(16 + (column * 146), 60),
                x => Enumerable.Range(16, 18).Any(y => sheet.GetPixel(x, y) != paper));
        }
    }

    [Fact]
    public void TheNormalisationIsUndone()
    {
        byte[] orange = [.. Enumerable.Repeat(new byte[] { 200, 100, 50 }, 32 * 32).SelectMany(p => p)];
        using var source = new RawImages([orange], 32, 32);
        using var stream = new MemoryStream();
        new ContactSheet([new ViewPipeline(new CenterCrop(new() { Size = 32 }), Views.Normalization())])
            .Write(stream, source, new ImageDecoder(1_000_000), [0]);
        stream.Position = 0;
        using var sheet = SKBitmap.Decode(stream);
        foreach (var x in new[] { 16 + 64, 16 + 128 + 6 + 64 })
        {
            Assert.Equal(new SKColor(200, 100, 50), sheet.GetPixel(x, 16 + 22 + 64));
        }
    }

    [Fact]
    public void AViewOfUnknownSizeIsRefused() =>
        Assert.Throws<ArgumentException>(() => new ContactSheet([new ViewPipeline()]));
}

using SkiaSharp;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Made-up pictures with what photographs have: light, surfaces, things at several scales, grain; and copies of them as people make them.</summary>
internal static class PhotographLike
{
    private const int Width = 160;
    private const int Height = 128;

    /// <summary>Writes pictures, and as many copies of the first ones as are wanted.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="pictures">How many pictures: 000.jpg and so on.</param>
    /// <param name="copies">How many copies: 000-copy.jpg and so on; smaller, of lower quality, cropped at the edges, or all of it.</param>
    public static void Write(string folder, int pictures, int copies)
    {
        Directory.CreateDirectory(folder);
        for (var number = 0; number < pictures; number++)
        {
            using var picture = Draw(number);
            Save(picture, Path.Combine(folder, $"{number:D3}.jpg"), 95);
            if (number < copies)
            {
                using var copy = Copy(picture, number);
                Save(copy, Path.Combine(folder, $"{number:D3}-copy.jpg"), number % 4 is 1 or 3 ? 45 : 90);
            }
        }
    }

    private static SKBitmap Draw(int number)
    {
        var random = new Random(1000 + number);
        var bitmap = new SKBitmap(Width, Height);
        using var canvas = new SKCanvas(bitmap);
        using (var sky = new SKPaint())
        {
            sky.Shader = SKShader.CreateLinearGradient(
                new SKPoint(random.Next(Width), 0), new SKPoint(random.Next(Width), Height), [Colour(), Colour(), Colour()], SKShaderTileMode.Clamp);
            canvas.DrawRect(0, 0, Width, Height, sky);
        }

        for (var thing = 0; thing < 14; thing++)
        {
            using var paint = new SKPaint { Color = Colour().WithAlpha((byte)random.Next(120, 256)), IsAntialias = true };
            var size = (float)(60 * Math.Pow(0.85, thing));
            var (x, y) = (random.Next(Width), random.Next(Height));
            canvas.Save();
            canvas.RotateDegrees(random.Next(180), x, y);
            if (random.Next(2) == 0)
            {
                canvas.DrawOval(x, y, size, size * random.Next(3, 10) / 10f, paint);
            }
            else
            {
                canvas.DrawRect(x - size, y - (size / 2), 2 * size, size * random.Next(2, 10) / 10f, paint);
            }

            canvas.Restore();
        }

        for (var y = 0; y < Height; y++)
        {
            for (var x = 0; x < Width; x++)
            {
                var (pixel, grain) = (bitmap.GetPixel(x, y), random.Next(-9, 10));
                bitmap.SetPixel(x, y, new SKColor(Grained(pixel.Red, grain), Grained(pixel.Green, grain), Grained(pixel.Blue, grain)));
            }
        }

        return bitmap;

        SKColor Colour() => SKColor.FromHsv(random.Next(360), random.Next(10, 90), random.Next(15, 100));

        static byte Grained(byte value, int grain) => (byte)Math.Clamp(value + grain, 0, 255);
    }

    private static SKBitmap Copy(SKBitmap picture, int number)
    {
        var isCropped = number % 4 is 2 or 3;
        var from = isCropped ? new SKRect(5, 3, Width - 4, Height - 5) : new SKRect(0, 0, Width, Height);
        var scale = number % 4 is 0 or 3 ? 0.6f : 1;
        var copy = new SKBitmap((int)(from.Width * scale), (int)(from.Height * scale));
        using var canvas = new SKCanvas(copy);
        using var image = SKImage.FromBitmap(picture);
        canvas.DrawImage(image, from, new SKRect(0, 0, copy.Width, copy.Height), new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
        return copy;
    }

    private static void Save(SKBitmap bitmap, string path, int quality)
    {
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality);
        File.WriteAllBytes(path, data.ToArray());
    }
}

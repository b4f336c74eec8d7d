using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Randomness;

using SkiaSharp;

namespace SelfSup.Benchmarks;

/// <summary>What the benchmarks work on.</summary>
internal static class Pictures
{
    /// <summary>Waves of colour; noise would make every branch a surprise, which photographs do not.</summary>
    public static PixelImage Smooth(int width, int height)
    {
        var image = new PixelImage();
        var pixels = image.Reset(width, height);
        var random = new CounterRandom(1, RandomPurpose.Selection);
        for (var i = 0; i < pixels.Length; i++)
        {
            var (y, x) = Math.DivRem(i / 3, width);
            var wave = Math.Sin((x * 0.05) + (i % 3)) * Math.Cos((y * 0.07) - (i % 3));
            pixels[i] = (byte)(120 + (100 * wave) + random.NextInt(20));
        }

        return image;
    }

    /// <summary>A JPEG with half the colour resolution and about half a byte a pixel, as photographs have.</summary>
    public static byte[] Jpeg(int width, int height) => Encode(width, height, SKEncodedImageFormat.Jpeg, quality: 96);

    public static byte[] Png(int width, int height) => Encode(width, height, SKEncodedImageFormat.Png, quality: 100);

    /// <summary>A view that is made already.</summary>
    public static ViewCanvas View224()
    {
        var canvas = new ViewCanvas();
        canvas.Start(Smooth(500, 375));
        canvas.ResizedCrop(new Region(40, 60, 280, 320), 224, 224, Interpolation.Bilinear, antialias: true);
        return canvas;
    }

    public static ViewPipeline SimClr(int size, double smallest, bool blur)
    {
        List<IAugmentation> steps =
        [
            new RandomResizedCrop(new() { Size = size, Scale = [smallest, 1], Interpolation = Interpolation.Bicubic }),
            new HorizontalFlip(new()),
            new ColorJitter(new() { Brightness = 0.8, Contrast = 0.8, Saturation = 0.8, Hue = 0.2 }),
            new RandomGrayscale(new()),
        ];
        if (blur)
        {
            steps.Add(new GaussianBlur(new()));
        }

        steps.Add(new Normalize(new() { Mean = [0.485, 0.456, 0.406], StandardDeviation = [0.229, 0.224, 0.225] }));
        return new ViewPipeline(steps);
    }

    private static byte[] Encode(int width, int height, SKEncodedImageFormat format, int quality)
    {
        var pixels = Smooth(width, height).Pixels;
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var target = bitmap.GetPixelSpan();
        for (var i = 0; i < width * height; i++)
        {
            pixels.Slice(3 * i, 3).CopyTo(target[(4 * i)..]);
            target[(4 * i) + 3] = byte.MaxValue;
        }

        using var data = bitmap.Encode(format, quality);
        return data.ToArray();
    }
}

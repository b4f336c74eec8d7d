using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Tests.Augmentation;

/// <summary>Short ways to images and views for the tests of this folder.</summary>
internal static class Views
{
    /// <summary>An image of random pixels.</summary>
    public static PixelImage Image(int width, int height)
    {
        var image = new PixelImage();
        RawImages.Pixels(1, 3 * width * height)[0].CopyTo(image.Reset(width, height));
        return image;
    }

    /// <summary>A canvas that shows an image; with planes already made, if asked for.</summary>
    public static ViewCanvas Canvas(PixelImage image, bool planes = false)
    {
        var canvas = new ViewCanvas();
        canvas.Start(image);
        if (planes)
        {
            _ = canvas.Planes;
        }

        return canvas;
    }

    /// <summary>What a transform makes of an image with the random numbers of a sample.</summary>
    public static float[] Apply(IAugmentation augmentation, PixelImage image, long sample = 0)
    {
        var canvas = Canvas(image);
        var random = new CounterRandom(1, RandomPurpose.Augmentation, 0, sample);
        augmentation.Apply(canvas, ref random);
        return canvas.Planes.ToArray();
    }

    /// <summary>The largest difference.</summary>
    public static double Difference(ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        Assert.Equal(first.Length, second.Length);
        double worst = 0;
        for (var i = 0; i < first.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs((double)first[i] - second[i]));
        }

        return worst;
    }

    /// <summary>The pipeline of SimCLR on CIFAR-10, with all kinds of transforms behind it if asked for.</summary>
    public static ViewPipeline SimClr(int size = 32, bool blur = false)
    {
        List<IAugmentation> steps =
        [
            new RandomResizedCrop(new() { Size = size, Scale = [0.2, 1] }),
            new HorizontalFlip(new()),
            new ColorJitter(new() { Brightness = 0.4, Contrast = 0.4, Saturation = 0.4, Hue = 0.1 }),
            new RandomGrayscale(new()),
        ];
        if (blur)
        {
            steps.Add(new GaussianBlur(new()));
            steps.Add(new Solarize(new()));
            steps.Add(new RandomRotation(new() { Degrees = 20, Probability = 0.5 }));
        }

        steps.Add(Normalization());
        return new ViewPipeline(steps);
    }

    public static Normalize Normalization() => new(new()
    {
        Mean = [0.4914, 0.4822, 0.4465],
        StandardDeviation = [0.2470, 0.2435, 0.2616],
    });
}

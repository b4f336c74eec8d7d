using BenchmarkDotNet.Attributes;

using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Benchmarks;

/// <summary>One whole view, without decoding; a sample of SimCLR takes two.</summary>
[MemoryDiagnoser]
public class ViewBenchmarks
{
    private readonly ViewCanvas _canvas = new();
    private readonly PixelImage _small = Pictures.Smooth(32, 32);
    private readonly PixelImage _photo = Pictures.Smooth(500, 375);
    private readonly ViewPipeline _cifar = Pictures.SimClr(32, 0.2, blur: false);
    private readonly ViewPipeline _imageNet = Pictures.SimClr(224, 0.08, blur: true);
    private readonly float[] _smallView = new float[3 * 32 * 32];
    private readonly float[] _largeView = new float[3 * 224 * 224];
    private long _sample;

    [Benchmark]
    public void Cifar32() => _cifar.Make(_canvas, _small, 1, 0, _sample++, 0, _smallView);

    [Benchmark]
    public void ImageNet224() => _imageNet.Make(_canvas, _photo, 1, 0, _sample++, 0, _largeView);
}

/// <summary>The kernels on a 224 x 224 view.</summary>
[MemoryDiagnoser]
public class KernelBenchmarks
{
    private static readonly Region _middle = new(40, 60, 280, 320);

    private readonly ViewCanvas _canvas = new();
    private readonly PixelImage _photo = Pictures.Smooth(500, 375);
    private readonly float[] _normalized = new float[3 * 224 * 224];
    private readonly double[] _mean = [0.485, 0.456, 0.406];
    private readonly double[] _deviation = [0.229, 0.224, 0.225];

    [GlobalSetup]
    public void Setup() => Bilinear();

    [Benchmark]
    public void Bilinear()
    {
        _canvas.Start(_photo);
        _canvas.ResizedCrop(_middle, 224, 224, Interpolation.Bilinear, antialias: true);
    }

    [Benchmark]
    public void Bicubic()
    {
        _canvas.Start(_photo);
        _canvas.ResizedCrop(_middle, 224, 224, Interpolation.Bicubic, antialias: true);
    }

    [Benchmark]
    public void Brightness() => ColorKernels.Brightness(_canvas.Planes, 1.0001);

    [Benchmark]
    public void Contrast() => ColorKernels.Contrast(_canvas.Planes, 1.0001);

    [Benchmark]
    public void Saturation() => ColorKernels.Saturation(_canvas.Planes, 1.0001);

    [Benchmark]
    public void Hue() => ColorKernels.Hue(_canvas.Planes, 0.1);

    [Benchmark]
    public void Normalize() => ColorKernels.Normalize(_canvas.Planes, _normalized, _mean, _deviation);

    [Benchmark]
    public void Blur() => _canvas.GaussianBlur(23, 1.2);

    [Benchmark]
    public void Rotate() => _canvas.Rotate(10, RotationInterpolation.Bilinear);
}

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
}

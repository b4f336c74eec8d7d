using BenchmarkDotNet.Attributes;

using SelfSup.Augmentation;
using SelfSup.Images;

namespace SelfSup.Benchmarks;

/// <summary>A part of a photograph brought to 224 x 224, shrunk or enlarged, and a turn of the result.</summary>
[MemoryDiagnoser]
public class ResampleBenchmarks
{
    private static readonly Region _middle = new(40, 60, 280, 320);
    private static readonly Region _detail = new(100, 200, 120, 110);

    private readonly ViewCanvas _canvas = new();
    private readonly PixelImage _photo = Pictures.Smooth(500, 375);

    [GlobalSetup]
    public void Setup() => Bilinear();

    [Benchmark]
    public void Bilinear() => Crop(_middle, Interpolation.Bilinear);

    [Benchmark]
    public void BilinearEnlarged() => Crop(_detail, Interpolation.Bilinear);

    [Benchmark]
    public void Bicubic() => Crop(_middle, Interpolation.Bicubic);

    [Benchmark]
    public void BicubicEnlarged() => Crop(_detail, Interpolation.Bicubic);

    [Benchmark]
    public void Rotate() => _canvas.Rotate(10, RotationInterpolation.Bilinear);

    private void Crop(Region region, Interpolation interpolation)
    {
        _canvas.Start(_photo);
        _canvas.ResizedCrop(region, 224, 224, interpolation, antialias: true);
    }
}

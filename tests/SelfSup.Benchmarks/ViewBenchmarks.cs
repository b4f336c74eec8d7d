using BenchmarkDotNet.Attributes;

using SelfSup.Augmentation;
using SelfSup.Images;

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
    private readonly ViewPipeline _crop = new(new RandomResizedCrop(new() { Size = 224 }));
    private readonly float[] _smallView = new float[3 * 32 * 32];
    private readonly float[] _largeView = new float[3 * 224 * 224];
    private long _sample;

    [Benchmark]
    public void Cifar32() => _cifar.Make(_canvas, _small, 1, 0, _sample++, 0, _smallView);

    [Benchmark]
    public void ImageNet224() => _imageNet.Make(_canvas, _photo, 1, 0, _sample++, 0, _largeView);

    [Benchmark]
    public void Crop224() => _crop.Make(_canvas, _photo, 1, 0, _sample++, 0, _largeView);
}

using BenchmarkDotNet.Attributes;

using SelfSup.Augmentation;

namespace SelfSup.Benchmarks;

/// <summary>Colour operations on a 224 x 224 view: a pass over all of it.</summary>
[MemoryDiagnoser]
public class ColorBenchmarks
{
    private static readonly Normalize _normalize = new(
        new() { Mean = [0.485, 0.456, 0.406], StandardDeviation = [0.229, 0.224, 0.225] });

    private readonly ViewCanvas _canvas = Pictures.View224();

    [Benchmark]
    public float Brightness() => Done(ColorOperation.Brightness(1.0001));

    [Benchmark]
    public float Contrast() => Done(ColorOperation.Contrast(1.0001));

    [Benchmark]
    public float Saturation() => Done(ColorOperation.Saturation(1.0001));

    [Benchmark]
    public float Hue() => Done(ColorOperation.Hue(0.1));

    [Benchmark]
    public float Normalize() => Done(ColorOperation.Normalize(_normalize));

    /// <summary>All four in one pass, and one more for the mean.</summary>
    [Benchmark]
    public float Jitter()
    {
        _canvas.Apply(ColorOperation.Brightness(1.0001));
        _canvas.Apply(ColorOperation.Contrast(1.0001));
        _canvas.Apply(ColorOperation.Saturation(1.0001));
        return Done(ColorOperation.Hue(0.1));
    }

    private float Done(in ColorOperation operation)
    {
        _canvas.Apply(operation);
        return _canvas.Planes[0];
    }
}

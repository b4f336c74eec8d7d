using BenchmarkDotNet.Attributes;

using SelfSup.Augmentation;

namespace SelfSup.Benchmarks;

/// <summary>The colour kernels on a 224 x 224 view.</summary>
[MemoryDiagnoser]
public class ColorBenchmarks
{
    private readonly ViewCanvas _canvas = Pictures.View224();
    private readonly float[] _normalized = new float[3 * 224 * 224];
    private readonly double[] _mean = [0.485, 0.456, 0.406];
    private readonly double[] _deviation = [0.229, 0.224, 0.225];

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
}

using BenchmarkDotNet.Attributes;

using SelfSup.Augmentation;

namespace SelfSup.Benchmarks;

/// <summary>Blurring a 224 x 224 view; a small sigma leaves most of the kernel empty.</summary>
[MemoryDiagnoser]
public class BlurBenchmarks
{
    private readonly ViewCanvas _canvas = Pictures.View224();

    [Params(0.3, 1.05, 2.0)]
    public double Sigma { get; set; }

    [Benchmark]
    public void Blur() => _canvas.GaussianBlur(23, Sigma);
}

using BenchmarkDotNet.Attributes;

using SelfSup.Images;

namespace SelfSup.Benchmarks;

/// <summary>Whole files, from the bytes in memory to upright RGB.</summary>
[MemoryDiagnoser]
public class DecodeBenchmarks
{
    private readonly ImageDecoder _decoder = new(maxPixels: 64_000_000);
    private readonly PixelImage _pixels = new();
    private readonly StoredImage _jpeg = new(Pictures.Jpeg(500, 375));
    private readonly StoredImage _largeJpeg = new(Pictures.Jpeg(2000, 1500));
    private readonly StoredImage _png = new(Pictures.Png(500, 375));
    private readonly StoredImage _tinyPng = new(Pictures.Png(32, 32));

    [Benchmark]
    public void Jpeg500x375() => Decode(_jpeg);

    [Benchmark]
    public void Jpeg2000x1500() => Decode(_largeJpeg);

    [Benchmark]
    public void Png500x375() => Decode(_png);

    [Benchmark]
    public void Png32x32() => Decode(_tinyPng);

    private void Decode(StoredImage image) => _decoder.Decode(image, _pixels, "picture");
}

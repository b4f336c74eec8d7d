using SelfSup.Images;
using SelfSup.Images.Jpeg;
using SelfSup.Randomness;

namespace SelfSup.Tests.Images.Jpeg;

/// <summary>A region, or a smaller image, is what the whole image has there.</summary>
public sealed unsafe class JpegRegionTests
{
    private readonly JpegDecoder _decoder = new();
    private readonly JpegPixels _writer = new();

    /// <summary>The larger files of every sampling and coding mode.</summary>
    public static TheoryData<string> Files { get; } =
    [
        .. JpegMatrix.Names("exact").Where(name => !name.Contains('x') || name.Contains("33x21", StringComparison.Ordinal)
            || name.Contains("64x48", StringComparison.Ordinal) || name.Contains("100x75", StringComparison.Ordinal)
            || name.Contains("interleaved", StringComparison.Ordinal) || name.Contains("progressive-", StringComparison.Ordinal)),
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void ARegionIsThatRectangleOfTheWholeImage(string name)
    {
        var file = JpegMatrix.Bytes(name);
        var (whole, samples) = DecodeWhole(file, 1);
        var header = _decoder.Header;
        var (height, width) = (header.Height, header.Width);
        var random = new CounterRandom(1, RandomPurpose.Selection, sample: file.Length);
        for (var i = 0; i < 60; i++)
        {
            var region = RandomRegion(ref random, height, width);
            Decode(file, region, 1);
            AssertSamplesAre(samples, region, 1, $"{name}, {region}");
            var pixels = new byte[3 * region.Height * region.Width];
            _writer.Write(header, region, pixels);
            for (var y = 0; y < region.Height; y++)
            {
                var row = whole.AsSpan(3 * (((region.Top + y) * width) + region.Left), 3 * region.Width);
                Assert.True(
                    row.SequenceEqual(pixels.AsSpan(3 * y * region.Width, 3 * region.Width)), $"{name}, {region}, row {y}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void ARegionOfASmallerImageIsThatRectangleOfTheSmallerWholeImage(string name)
    {
        var file = JpegMatrix.Bytes(name);
        foreach (var scale in (int[])[2, 4, 8])
        {
            var samples = DecodePlanes(file, scale);
            var header = _decoder.Header;
            foreach (var component in header.Components)
            {
                var plane = component.Plane;
                Assert.Equal(Parts(header.Width, scale * plane.HorizontalRatio), plane.Width);
                Assert.Equal(Parts(header.Height, scale * plane.VerticalRatio), plane.Height);
            }

            var (height, width) = (header.Height, header.Width);
            var random = new CounterRandom(2, RandomPurpose.Selection, sample: file.Length);
            for (var i = 0; i < 20; i++)
            {
                var region = RandomRegion(ref random, height, width);
                Decode(file, region, scale);
                AssertSamplesAre(samples, region, scale, $"{name} / {scale}, {region}");
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void ASmallerImageOfOneColourHasThatColour(int scale)
    {
        foreach (var sampling in MadeJpeg.Samplings)
        {
            var file = MadeJpeg.Encode(75, 50, (_, _) => (90, 150, 200), sampling);
            var whole = DecodePlanes(file, 1);
            var smaller = DecodePlanes(file, scale);
            for (var i = 0; i < whole.Length; i++)
            {
                Assert.All(smaller[i].Samples, sample => Assert.Equal(whole[i].Samples[0], sample));
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void ASmallerGradientAndASmallerSmoothImageAreCloseToTheirAverages(int scale)
    {
        foreach (var sampling in MadeJpeg.Samplings)
        {
            var gradient = MadeJpeg.Encode(160, 96, (x, y) => (x, 2 * y, 128), sampling);
            Assert.InRange(Worst(gradient, scale), 0, 3);
            var smooth = MadeJpeg.Encode(160, 96, Waves, sampling);
            Assert.InRange(PeakSignalToNoise(smooth, scale), 38, double.PositiveInfinity);
        }
    }

    private static (int Red, int Green, int Blue) Waves(int x, int y) => (
        128 + (int)(90 * Math.Sin(x * 0.07) * Math.Cos(y * 0.05)), 128 + (int)(80 * Math.Cos(x * 0.04)),
        128 + (int)(70 * Math.Sin((x + y) * 0.05)));

    private int Worst(byte[] file, int scale) => Distances(file, scale).Max(Math.Abs);

    private double PeakSignalToNoise(byte[] file, int scale) =>
        10 * Math.Log10(255 * 255 / Distances(file, scale).Average(distance => (double)distance * distance));

    /// <summary>The smaller luma less the average of the whole, where whole blocks of pixels are averaged.</summary>
    private List<int> Distances(byte[] file, int scale)
    {
        var whole = DecodePlanes(file, 1)[0];
        var smaller = DecodePlanes(file, scale)[0];
        List<int> distances = [];
        for (var y = 0; y < whole.Height / scale; y++)
        {
            for (var x = 0; x < whole.Width / scale; x++)
            {
                var sum = 0;
                for (var i = 0; i < scale * scale; i++)
                {
                    sum += whole.Samples[(((y * scale) + (i / scale)) * whole.Width) + (x * scale) + (i % scale)];
                }

                distances.Add(smaller.Samples[(y * smaller.Width) + x] - (int)Math.Round((double)sum / (scale * scale)));
            }
        }

        return distances;
    }

    private (byte[] Pixels, (int Width, int Height, byte[] Samples)[] Samples) DecodeWhole(byte[] file, int scale)
    {
        var samples = DecodePlanes(file, scale);
        var header = _decoder.Header;
        var pixels = new byte[3 * header.Height * header.Width];
        _writer.Write(header, new Region(0, 0, header.Height, header.Width), pixels);
        return (pixels, samples);
    }

    private (int Width, int Height, byte[] Samples)[] DecodePlanes(byte[] file, int scale)
    {
        Assert.True(_decoder.ReadHeader(file));
        _decoder.Decode(file, new Region(0, 0, _decoder.Header.Height, _decoder.Header.Width), scale);
        var samples = new (int, int, byte[])[_decoder.Header.Components.Length];
        for (var i = 0; i < samples.Length; i++)
        {
            var plane = _decoder.Header.Components[i].Plane;
            Assert.Equal(new Region(0, 0, plane.Height, plane.Width), plane.Decoded);
            var content = new byte[plane.Height * plane.Width];
            for (var y = 0; y < plane.Height; y++)
            {
                new ReadOnlySpan<byte>(plane.At(y, 0), plane.Width).CopyTo(content.AsSpan(y * plane.Width));
            }

            samples[i] = (plane.Width, plane.Height, content);
        }

        return samples;
    }

    private void Decode(byte[] file, Region region, int scale)
    {
        Assert.True(_decoder.ReadHeader(file));
        _decoder.Decode(file, region, scale);
    }

    /// <summary>All that was decoded is right, and it holds the region with the neighbours that upsampling needs.</summary>
    private void AssertSamplesAre((int Width, int Height, byte[] Samples)[] whole, Region region, int scale, string what)
    {
        for (var i = 0; i < whole.Length; i++)
        {
            var plane = _decoder.Header.Components[i].Plane;
            Assert.Equal((whole[i].Width, whole[i].Height), (plane.Width, plane.Height));
            var decoded = plane.Decoded;
            var (across, down) = (scale * plane.HorizontalRatio, scale * plane.VerticalRatio);
            var (beyondAcross, beyondDown) = (plane.HorizontalRatio - 1, plane.VerticalRatio - 1);
            Assert.True(decoded.Left <= Math.Max(0, region.Left - beyondAcross) / across, what);
            Assert.True(decoded.Top <= Math.Max(0, region.Top - beyondDown) / down, what);
            Assert.True(
                decoded.Left + decoded.Width
                >= Math.Min(plane.Width, Parts(region.Left + region.Width + beyondAcross, across)), what);
            Assert.True(
                decoded.Top + decoded.Height
                >= Math.Min(plane.Height, Parts(region.Top + region.Height + beyondDown, down)), what);
            for (var y = decoded.Top; y < decoded.Top + decoded.Height; y++)
            {
                var row = whole[i].Samples.AsSpan((y * plane.Width) + decoded.Left, decoded.Width);
                Assert.True(row.SequenceEqual(new ReadOnlySpan<byte>(plane.At(y, decoded.Left), decoded.Width)), what);
            }
        }
    }

    private static Region RandomRegion(ref CounterRandom random, int height, int width)
    {
        var (top, left) = (random.NextInt(height), random.NextInt(width));
        return new Region(top, left, 1 + random.NextInt(height - top), 1 + random.NextInt(width - left));
    }

    private static int Parts(int length, int part) => (length + part - 1) / part;
}

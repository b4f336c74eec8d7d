using SelfSup.Augmentation;
using SelfSup.Images;
using SelfSup.Tensors;

namespace SelfSup.Tests.Augmentation;

/// <summary>Every vector width computes what one float at a time computes.</summary>
public sealed unsafe class KernelWidthTests
{
    private const int Height = 37;
    private const int Width = 45;
    private const int Pixels = Height * Width;

    private readonly PinnedBuffer<float> _source = new();

    public KernelWidthTests()
    {
        var values = new Span<float>(_source.Reserve((3 * Pixels) + 64), 3 * Pixels);
        var random = new Random(5);
        for (var i = 0; i < values.Length; i++)
        {
            // Equal channels and the ends of the range are cases of their own for the hue.
            values[i] = i % 7 == 0 ? 0.5f : i % 11 == 0 ? 1 : i % 13 == 0 ? 0 : random.NextSingle();
        }
    }

    public static TheoryData<string> Operations =>
    [
        nameof(ColorKind.FromYCbCr), nameof(ColorKind.FromBytes), nameof(ColorKind.Brightness),
        nameof(ColorKind.Contrast), nameof(ColorKind.Saturation), nameof(ColorKind.Hue), nameof(ColorKind.Grayscale),
        nameof(ColorKind.Solarize), nameof(ColorKind.Normalize),
    ];

    [Theory]
    [MemberData(nameof(Operations))]
    public void ColoursAreThoseOfTheScalarReference(string name)
    {
        var operation = Operation(Enum.Parse<ColorKind>(name));
        var expected = Colors<Floats1>(operation);
        Assert.InRange(Views.Difference(expected, Colors<Floats4>(operation)), 0, 2e-6);
        Assert.InRange(Views.Difference(expected, Colors<Floats8>(operation)), 0, 2e-6);
        Assert.InRange(Views.Difference(expected, Colors<Floats16>(operation)), 0, 2e-6);
    }

    [Fact]
    public void TheGrayMeanIsThatOfTheScalarReference()
    {
        var expected = Sum<Floats1>();
        Assert.Equal(expected, Sum<Floats4>(), 2e-4);
        Assert.Equal(expected, Sum<Floats8>(), 2e-4);
        Assert.Equal(expected, Sum<Floats16>(), 2e-4);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.8)]
    [InlineData(2.0)]
    [InlineData(9.0)]
    public void BlurIsThatOfTheScalarReference(double sigma)
    {
        var expected = Blurred<Floats1>(sigma);
        Assert.InRange(Views.Difference(expected, Blurred<Floats4>(sigma)), 0, 1e-6);
        Assert.InRange(Views.Difference(expected, Blurred<Floats8>(sigma)), 0, 1e-6);
        Assert.InRange(Views.Difference(expected, Blurred<Floats16>(sigma)), 0, 1e-6);
    }

    [Theory]
    [InlineData(31, 33, 24, 24, false, nameof(Interpolation.Bilinear))]
    [InlineData(31, 33, 50, 49, true, nameof(Interpolation.Bilinear))]
    [InlineData(30, 40, 7, 5, true, nameof(Interpolation.Bicubic))]
    [InlineData(1, 1, 20, 20, false, nameof(Interpolation.Bicubic))]
    public void ResamplingIsThatOfTheScalarReference(
        int height, int width, int outputHeight, int outputWidth, bool reversed, string interpolation)
    {
        var filter = Enum.Parse<Interpolation>(interpolation);
        AxisPlan rows = new(4, height, outputHeight, 0, outputHeight, reversed, filter, true);
        AxisPlan columns = new(3, width, outputWidth, 1, outputWidth - 1, !reversed, filter, true);
        var expected = Resampled<Floats1>(rows, columns);
        Assert.InRange(Views.Difference(expected, Resampled<Floats4>(rows, columns)), 0, 2e-4); // of 255
        Assert.InRange(Views.Difference(expected, Resampled<Floats8>(rows, columns)), 0, 2e-4);
        Assert.InRange(Views.Difference(expected, Resampled<Floats16>(rows, columns)), 0, 2e-4);
    }

    [Fact]
    public void BFloat16IsTheNearest()
    {
        float[] values =
        [
            0, 1, -1, 1.00390625f, 1.01171875f, 0.1f, -3.14159f, 65504, 1e-30f, -1e30f, 0.3333333f, 2.7182817f, 255, 1f / 255,
            float.Epsilon, 5,
        ];
        ushort[] one = new ushort[16], four = new ushort[16], eight = new ushort[16], sixteen = new ushort[16];
        fixed (float* from = values)
        fixed (ushort* to1 = one, to4 = four, to8 = eight, to16 = sixteen)
        {
            for (var i = 0; i < 16; i++)
            {
                Floats1.Load(from + i).StoreBFloat16(to1 + i);
                // Halfway cases go to the even neighbour.
                var back = BitConverter.UInt32BitsToSingle((uint)to1[i] << 16);
                Assert.True(Math.Abs(back - from[i]) <= Math.Abs(from[i]) / 256 || Math.Abs(from[i]) < 1e-37);
            }

            for (var i = 0; i < 16; i += 4)
            {
                Floats4.Load(from + i).StoreBFloat16(to4 + i);
            }

            Floats8.Load(from).StoreBFloat16(to8);
            Floats8.Load(from + 8).StoreBFloat16(to8 + 8);
            Floats16.Load(from).StoreBFloat16(to16);
        }

        Assert.Equal(one, four);
        Assert.Equal(one, eight);
        Assert.Equal(one, sixteen);
        Assert.Equal(0x3F80, one[3]); // 1 + 1/256 lies between 1 and 1 + 1/128
        Assert.Equal(0x3F82, one[4]); // 1 + 3/256 between 1 + 1/128 and 1 + 2/128
    }

    private static ColorOperation Operation(ColorKind kind) => kind switch
    {
        ColorKind.FromYCbCr => ColorOperation.FromYCbCr,
        ColorKind.FromBytes => ColorOperation.FromBytes,
        ColorKind.Brightness => ColorOperation.Brightness(1.3),
        ColorKind.Contrast => ColorOperation.Contrast(0.6).WithMean(0.45),
        ColorKind.Saturation => ColorOperation.Saturation(1.7),
        ColorKind.Hue => ColorOperation.Hue(-0.23),
        ColorKind.Grayscale => ColorOperation.Grayscale,
        ColorKind.Solarize => ColorOperation.Solarize(0.5),
        _ => ColorOperation.Normalize(Views.Normalization()),
    };

    private float[] Colors<TFloats>(ColorOperation operation)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var rows = new PinnedBuffer<float>();
        var stride = Pixels + 16;
        var r = rows.Reserve(3 * stride);
        var factor = operation.Kind is ColorKind.FromYCbCr or ColorKind.FromBytes ? 255 : 1;
        for (var channel = 0; channel < 3; channel++)
        {
            for (var i = 0; i < Pixels; i++)
            {
                r[(channel * stride) + i] = factor * _source.Pointer[(channel * Pixels) + i];
            }
        }

        ColorKernels.Apply<TFloats>(operation, r, r + stride, r + (2 * stride), Pixels);
        return [.. Enumerable.Range(0, 3).SelectMany(c => new Span<float>(r + (c * stride), Pixels).ToArray())];
    }

    private double Sum<TFloats>()
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var r = _source.Pointer;
        return ColorKernels.GraySum<TFloats>(r, r + Pixels, r + (2 * Pixels), Pixels);
    }

    private float[] Blurred<TFloats>(double sigma)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var result = new float[3 * Pixels];
        fixed (float* target = result)
        {
            new Blur().Run<TFloats>(
                _source.Pointer, Height, Width, 23, sigma, new ColorPass(), new ViewTarget(target, Pixels, default));
        }

        return result;
    }

    private static float[] Resampled<TFloats>(AxisPlan rows, AxisPlan columns)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var bytes = new PinnedBuffer<byte>();
        const int Stride = 50;
        new Random(3).NextBytes(new Span<byte>(bytes.Reserve((40 * Stride) + 128), 40 * Stride));
        var resampling = new PlaneResampling();
        resampling.Prepare(new AxisTables().Find(rows), new AxisTables().Find(columns));
        var result = new float[rows.Count * columns.Count];
        fixed (float* target = result)
        {
            resampling.Run<TFloats>(bytes.Pointer, Stride, target);
        }

        return result;
    }
}

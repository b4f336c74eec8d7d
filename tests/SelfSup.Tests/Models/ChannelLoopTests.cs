using SelfSup.Models;
using SelfSup.Tensors;

namespace SelfSup.Tests.Models;

/// <summary>Every vector width computes what one value at a time computes, for each way to store activations.</summary>
public sealed unsafe class ChannelLoopTests
{
    private const int Rows = 1000;

    [Theory]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(48)]
    [InlineData(200)]
    public void WidthsAgree(int channels)
    {
        Compare<StoredFloat32, float>(channels, value => value);
        Compare<StoredBFloat16, ushort>(channels, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
    }

    private static void Compare<TStored, TValue>(int channels, Func<float, TValue> store)
        where TStored : IStored
        where TValue : unmanaged
    {
        var expected = Run<TStored, TValue, Floats1>(channels, store);
        foreach (var actual in new[]
        {
            Run<TStored, TValue, Floats4>(channels, store), Run<TStored, TValue, Floats8>(channels, store),
            Run<TStored, TValue, Floats16>(channels, store),
        })
        {
            Assert.Equal(expected.Length, actual.Length);
            for (var i = 0; i < expected.Length; i++)
            {
                // Rounded to bfloat16 once, neighbours differ by 2^-8.
                Assert.Equal(expected[i], actual[i], (Math.Abs(expected[i]) + 1) * (typeof(TValue) == typeof(ushort) ? 0.005 : 1e-4));
            }
        }
    }

    /// <summary>Everything the four kernels make, one after the other.</summary>
    private static float[] Run<TStored, TValue, T>(int channels, Func<float, TValue> store)
        where TStored : IStored
        where TValue : unmanaged
        where T : unmanaged, IFloats<T>
    {
        var rows = new ChannelRows(Rows, channels);
        TValue[] Made(double phase) => [.. Enumerable.Range(0, Rows * channels).Select(i => store((float)Math.Sin((i * 0.37) + phase)))];
        float[] Lanes(double phase) => [.. Enumerable.Range(0, rows.Width).Select(i => (float)(0.5 + (0.3 * Math.Cos((i % channels) + phase))))];
        var (x, shortcut, dy) = (Made(0), Made(1), Made(2));
        var (y, dShortcut, dx) = (new TValue[x.Length], new TValue[x.Length], new TValue[x.Length]);
        var (mean, scale, offset, slope, constant) = (Lanes(0), Lanes(1), Lanes(2), Lanes(3), Lanes(4));
        var sums = new float[4][];
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] = new float[rows.Width];
        }

        fixed (TValue* px = x, ps = shortcut, pg = dy, py = y, pt = dShortcut, pd = dx)
        fixed (float* m = mean, a = scale, b = offset, k = slope, c = constant, s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3])
        {
            for (var chunk = 0; chunk < rows.Chunks; chunk++)
            {
                var masked = new MaskedGradient<TStored>((byte*)pg, (byte*)px, (byte*)py, true, m, a, b);
                ChannelLoop.Run<MomentsKernel<TStored>, T>(rows, chunk, new((byte*)px, m, s0, s1));
                ChannelLoop.Run<NormaliseKernel<TStored>, T>(rows, chunk, new((byte*)px, (byte*)ps, true, m, a, b, (byte*)py));
                ChannelLoop.Run<GradientSumsKernel<TStored>, T>(rows, chunk, new(masked, (byte*)px, m, (byte*)pt, s2, s3));
                ChannelLoop.Run<GradientKernel<TStored>, T>(rows, chunk, new(masked, (byte*)px, m, a, (byte*)pt, k, c, (byte*)pd));
            }

            float[] Values(TValue[] values)
            {
                fixed (TValue* at = values)
                {
                    var result = new float[values.Length];
                    for (var i = 0; i < result.Length; i++)
                    {
                        result[i] = Activations<TStored>.Value((byte*)at, i);
                    }

                    return result;
                }
            }

            return [.. sums.SelectMany(s => s.Select(v => v / Rows)), .. Values(y), .. Values(dShortcut), .. Values(dx)];
        }
    }
}

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>
/// Sums of the gradient behind the ReLU and of its product with x - mean. If there was a shortcut, that gradient is the
/// shortcut's and is written down.
/// </summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
internal readonly unsafe struct GradientSumsKernel<TStored>(
    MaskedGradient<TStored> gradient, byte* x, float* mean, byte* shortcut, float* sums, float* products) : IChannelKernel
    where TStored : IStored
{
    public void Block<T>(nint at, int lane, int rows, nint width)
        where T : unmanaged, IFloats<T>
    {
        var (m0, m1, m2, m3) = PerLane.Four<T>(mean + lane);
        var (s0, s1, s2, s3) = PerLane.Four<T>(sums + lane);
        var (p0, p1, p2, p3) = PerLane.Four<T>(products + lane);
        for (var row = 0; row < rows; row++, at += width)
        {
            var (x0, x1, x2, x3) = Activations<TStored>.Four<T>(Activations<TStored>.At(x, at));
            var (g0, g1, g2, g3) = gradient.Four(at, lane, x0, x1, x2, x3);
            if (shortcut != null)
            {
                Activations<TStored>.Store(Activations<TStored>.At(shortcut, at), g0, g1, g2, g3);
            }

            (s0, s1, s2, s3) = (s0 + g0, s1 + g1, s2 + g2, s3 + g3);
            p0 = T.MultiplyAdd(g0, x0 - m0, p0);
            p1 = T.MultiplyAdd(g1, x1 - m1, p1);
            p2 = T.MultiplyAdd(g2, x2 - m2, p2);
            p3 = T.MultiplyAdd(g3, x3 - m3, p3);
        }

        PerLane.Keep(sums + lane, s0, s1, s2, s3);
        PerLane.Keep(products + lane, p0, p1, p2, p3);
    }

    public void One(nint at, int lane)
    {
        var own = gradient.One(at, lane);
        if (shortcut != null)
        {
            Activations<TStored>.Put(own, shortcut, at);
        }

        sums[lane] += own;
        products[lane] += own * (Activations<TStored>.Value(x, at) - mean[lane]);
    }
}

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>dx = scale * gradient + slope * (x - mean) + constant.</summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
internal readonly unsafe struct GradientKernel<TStored>(
    MaskedGradient<TStored> gradient, byte* x, float* mean, float* scale, byte* shortcut, float* slope, float* constant, byte* dx)
    : IChannelKernel
    where TStored : IStored
{
    public void Block<T>(nint at, int lane, int rows, nint width)
        where T : unmanaged, IFloats<T>
    {
        var (m0, m1, m2, m3) = PerLane.Four<T>(mean + lane);
        var (a0, a1, a2, a3) = PerLane.Four<T>(scale + lane);
        var (k0, k1, k2, k3) = PerLane.Four<T>(slope + lane);
        var (c0, c1, c2, c3) = PerLane.Four<T>(constant + lane);
        for (var row = 0; row < rows; row++, at += width)
        {
            var (x0, x1, x2, x3) = Activations<TStored>.Four<T>(Activations<TStored>.At(x, at));
            var (g0, g1, g2, g3) = shortcut != null
                ? Activations<TStored>.Four<T>(Activations<TStored>.At(shortcut, at)) // written down by the first pass
                : gradient.Four(at, lane, x0, x1, x2, x3);
            Activations<TStored>.Store(
                Activations<TStored>.At(dx, at),
                T.MultiplyAdd(a0, g0, T.MultiplyAdd(k0, x0 - m0, c0)),
                T.MultiplyAdd(a1, g1, T.MultiplyAdd(k1, x1 - m1, c1)),
                T.MultiplyAdd(a2, g2, T.MultiplyAdd(k2, x2 - m2, c2)),
                T.MultiplyAdd(a3, g3, T.MultiplyAdd(k3, x3 - m3, c3)));
        }
    }

    public void One(nint at, int lane)
    {
        var own = shortcut != null ? Activations<TStored>.Value(shortcut, at) : gradient.One(at, lane);
        var value = (scale[lane] * own) + (slope[lane] * (Activations<TStored>.Value(x, at) - mean[lane])) + constant[lane];
        Activations<TStored>.Put(value, dx, at);
    }
}

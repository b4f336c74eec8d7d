using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>y = (x - mean) * scale + offset, plus the shortcut if there is one, at least 0 if it is rectified.</summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
internal readonly unsafe struct NormaliseKernel<TStored>(
    byte* x, byte* shortcut, bool rectify, float* mean, float* scale, float* offset, byte* y) : IChannelKernel
    where TStored : IStored
{
    public void Block<T>(nint at, int lane, int rows, nint width)
        where T : unmanaged, IFloats<T>
    {
        var least = T.Create(rectify ? 0 : float.NegativeInfinity);
        var (m0, m1, m2, m3) = PerLane.Four<T>(mean + lane);
        var (a0, a1, a2, a3) = PerLane.Four<T>(scale + lane);
        var (b0, b1, b2, b3) = PerLane.Four<T>(offset + lane);
        for (var row = 0; row < rows; row++, at += width)
        {
            var (v0, v1, v2, v3) = Activations<TStored>.Four<T>(Activations<TStored>.At(x, at));
            v0 = T.MultiplyAdd(v0 - m0, a0, b0);
            v1 = T.MultiplyAdd(v1 - m1, a1, b1);
            v2 = T.MultiplyAdd(v2 - m2, a2, b2);
            v3 = T.MultiplyAdd(v3 - m3, a3, b3);
            if (shortcut != null)
            {
                var (s0, s1, s2, s3) = Activations<TStored>.Four<T>(Activations<TStored>.At(shortcut, at));
                (v0, v1, v2, v3) = (v0 + s0, v1 + s1, v2 + s2, v3 + s3);
            }

            // The limit stands first: where a value is not a number, the second operand is the result.
            Activations<TStored>.Store(
                Activations<TStored>.At(y, at), T.Max(least, v0), T.Max(least, v1), T.Max(least, v2), T.Max(least, v3));
        }
    }

    public void One(nint at, int lane)
    {
        var value = ((Activations<TStored>.Value(x, at) - mean[lane]) * scale[lane]) + offset[lane];
        value += shortcut == null ? 0 : Activations<TStored>.Value(shortcut, at);
        Activations<TStored>.Put(rectify ? Math.Max(0, value) : value, y, at);
    }
}

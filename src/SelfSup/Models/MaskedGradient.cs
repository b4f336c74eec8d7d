using System.Runtime.CompilerServices;

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>
/// The gradient of what <see cref="NormaliseKernel{TStored}"/> made, where the ReLU let pass: by its result if that is at
/// hand, else by computing it as it was.
/// </summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
/// <param name="dy">The gradient of the result.</param>
/// <param name="x">What was normalised.</param>
/// <param name="y">The result, null where the mask can be had from x.</param>
/// <param name="rectified">Whether there was a ReLU.</param>
/// <param name="mean">What was taken from x, for each lane.</param>
/// <param name="scale">What that was multiplied with.</param>
/// <param name="offset">What was added.</param>
internal readonly unsafe struct MaskedGradient<TStored>(
    byte* dy, byte* x, byte* y, bool rectified, float* mean, float* scale, float* offset)
    where TStored : IStored
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (T V0, T V1, T V2, T V3) Four<T>(nint at, int lane, T x0, T x1, T x2, T x3)
        where T : unmanaged, IFloats<T>
    {
        var (g0, g1, g2, g3) = Activations<TStored>.Four<T>(Activations<TStored>.At(dy, at));
        if (!rectified)
        {
            return (g0, g1, g2, g3);
        }

        var (y0, y1, y2, y3) = y != null
            ? Activations<TStored>.Four<T>(Activations<TStored>.At(y, at))
            : (Line(x0, lane), Line(x1, lane + T.Count), Line(x2, lane + (2 * T.Count)), Line(x3, lane + (3 * T.Count)));
        var zero = T.Create(0);
        return (
            T.IfAtLeast(zero, y0, zero, g0),
            T.IfAtLeast(zero, y1, zero, g1),
            T.IfAtLeast(zero, y2, zero, g2),
            T.IfAtLeast(zero, y3, zero, g3));
    }

    public float One(nint at, int lane)
    {
        var gradient = Activations<TStored>.Value(dy, at);
        if (!rectified)
        {
            return gradient;
        }

        var result = y != null
            ? Activations<TStored>.Value(y, at)
            : ((Activations<TStored>.Value(x, at) - mean[lane]) * scale[lane]) + offset[lane];
        return result <= 0 ? 0 : gradient;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Line<T>(T value, int lane)
        where T : unmanaged, IFloats<T> =>
        T.MultiplyAdd(value - T.Load(mean + lane), T.Load(scale + lane), T.Load(offset + lane));
}

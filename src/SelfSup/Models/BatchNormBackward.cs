using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>The two passes back through what <see cref="BatchNormForward{TStored}"/> does.</summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
internal static unsafe class BatchNormBackward<TStored>
    where TStored : IStored
{
    /// <summary>
    /// Sums of the gradient behind the ReLU and of its product with x - mean over a chunk. With a shortcut that gradient is
    /// the shortcut's and is written down, else the mask comes from x once more.
    /// </summary>
    public static void GradientSums(
        in ChannelRows rows, int chunk, in BackwardPass pass, float* sums, float* products)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            GradientSums<Floats16>(rows, chunk, pass, sums, products);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            GradientSums<Floats8>(rows, chunk, pass, sums, products);
        }
        else
        {
            GradientSums<Floats4>(rows, chunk, pass, sums, products);
        }
    }

    /// <summary>dx = scale * gradient + slope * (x - mean) + constant.</summary>
    public static void Gradient(in ChannelRows rows, int chunk, in BackwardPass pass, float* slope, float* constant, byte* dx)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Gradient<Floats16>(rows, chunk, pass, slope, constant, dx);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Gradient<Floats8>(rows, chunk, pass, slope, constant, dx);
        }
        else
        {
            Gradient<Floats4>(rows, chunk, pass, slope, constant, dx);
        }
    }

    private static void GradientSums<T>(in ChannelRows rows, int chunk, in BackwardPass pass, float* sums, float* products)
        where T : unmanaged, IFloats<T>
    {
        var (first, end) = rows.Chunk(chunk);
        var width = rows.Width;
        var lanes = KernelBlock.Vectors * T.Count;
        var stride = (nint)width * TStored.Bytes;
        for (var tile = first; tile < end; tile += KernelBlock.TileRows)
        {
            var last = Math.Min(end, tile + KernelBlock.TileRows);
            var lane = 0;
            for (; lane <= width - lanes; lane += lanes)
            {
                var (m0, m1, m2, m3) = KernelBlock.Four<T>(pass.Mean + lane);
                var (s0, s1, s2, s3) = KernelBlock.Four<T>(sums + lane);
                var (p0, p1, p2, p3) = KernelBlock.Four<T>(products + lane);
                var at = (nint)tile * stride + ((nint)lane * TStored.Bytes);
                for (var row = tile; row < last; row++, at += stride)
                {
                    var (x0, x1, x2, x3) = Activations<TStored>.Four<T>(pass.X + at);
                    var (g0, g1, g2, g3) = Masked(pass, lane, at, x0, x1, x2, x3);
                    if (pass.Shortcut != null)
                    {
                        Activations<TStored>.Store(pass.Shortcut + at, 0, g0);
                        Activations<TStored>.Store(pass.Shortcut + at, 1, g1);
                        Activations<TStored>.Store(pass.Shortcut + at, 2, g2);
                        Activations<TStored>.Store(pass.Shortcut + at, 3, g3);
                    }

                    (s0, s1, s2, s3) = (s0 + g0, s1 + g1, s2 + g2, s3 + g3);
                    p0 = T.MultiplyAdd(g0, x0 - m0, p0);
                    p1 = T.MultiplyAdd(g1, x1 - m1, p1);
                    p2 = T.MultiplyAdd(g2, x2 - m2, p2);
                    p3 = T.MultiplyAdd(g3, x3 - m3, p3);
                }

                KernelBlock.Keep(sums + lane, s0, s1, s2, s3);
                KernelBlock.Keep(products + lane, p0, p1, p2, p3);
            }

            for (; lane < width; lane++)
            {
                for (var row = tile; row < last; row++)
                {
                    AddGradient(pass, ((nint)row * width) + lane, lane, sums, products);
                }
            }
        }

        if (chunk == rows.Chunks - 1)
        {
            for (var lane = 0; lane < rows.Rest; lane++)
            {
                AddGradient(pass, ((nint)rows.WideRows * width) + lane, lane, sums, products);
            }
        }
    }

    private static void AddGradient(in BackwardPass pass, nint at, int lane, float* sums, float* products)
    {
        var gradient = MaskedOne(pass, at, lane);
        if (pass.Shortcut != null)
        {
            Activations<TStored>.Put(gradient, pass.Shortcut, at);
        }

        sums[lane] += gradient;
        products[lane] += gradient * (Activations<TStored>.Value(pass.X, at) - pass.Mean[lane]);
    }

    private static void Gradient<T>(in ChannelRows rows, int chunk, in BackwardPass pass, float* slope, float* constant, byte* dx)
        where T : unmanaged, IFloats<T>
    {
        var (first, end) = rows.Chunk(chunk);
        var width = rows.Width;
        var lanes = KernelBlock.Vectors * T.Count;
        var stride = (nint)width * TStored.Bytes;
        for (var tile = first; tile < end; tile += KernelBlock.TileRows)
        {
            var last = Math.Min(end, tile + KernelBlock.TileRows);
            var lane = 0;
            for (; lane <= width - lanes; lane += lanes)
            {
                var (m0, m1, m2, m3) = KernelBlock.Four<T>(pass.Mean + lane);
                var (a0, a1, a2, a3) = KernelBlock.Four<T>(pass.Scale + lane);
                var (k0, k1, k2, k3) = KernelBlock.Four<T>(slope + lane);
                var (c0, c1, c2, c3) = KernelBlock.Four<T>(constant + lane);
                var at = (nint)tile * stride + ((nint)lane * TStored.Bytes);
                for (var row = tile; row < last; row++, at += stride)
                {
                    var (x0, x1, x2, x3) = Activations<TStored>.Four<T>(pass.X + at);
                    var (g0, g1, g2, g3) = pass.Shortcut != null
                        ? Activations<TStored>.Four<T>(pass.Shortcut + at)
                        : Masked(pass, lane, at, x0, x1, x2, x3);
                    Activations<TStored>.Store(dx + at, 0, T.MultiplyAdd(a0, g0, T.MultiplyAdd(k0, x0 - m0, c0)));
                    Activations<TStored>.Store(dx + at, 1, T.MultiplyAdd(a1, g1, T.MultiplyAdd(k1, x1 - m1, c1)));
                    Activations<TStored>.Store(dx + at, 2, T.MultiplyAdd(a2, g2, T.MultiplyAdd(k2, x2 - m2, c2)));
                    Activations<TStored>.Store(dx + at, 3, T.MultiplyAdd(a3, g3, T.MultiplyAdd(k3, x3 - m3, c3)));
                }
            }

            for (; lane < width; lane++)
            {
                for (var row = tile; row < last; row++)
                {
                    GradientOne(pass, ((nint)row * width) + lane, lane, slope, constant, dx);
                }
            }
        }

        if (chunk == rows.Chunks - 1)
        {
            for (var lane = 0; lane < rows.Rest; lane++)
            {
                GradientOne(pass, ((nint)rows.WideRows * width) + lane, lane, slope, constant, dx);
            }
        }
    }

    private static void GradientOne(in BackwardPass pass, nint at, int lane, float* slope, float* constant, byte* dx)
    {
        var gradient = pass.Shortcut != null ? Activations<TStored>.Value(pass.Shortcut, at) : MaskedOne(pass, at, lane);
        var value = (pass.Scale[lane] * gradient) + (slope[lane] * (Activations<TStored>.Value(pass.X, at) - pass.Mean[lane])) + constant[lane];
        Activations<TStored>.Put(value, dx, at);
    }

    /// <summary>The gradient where the ReLU let pass: by its result if it is at hand, else by computing it as it was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T V0, T V1, T V2, T V3) Masked<T>(in BackwardPass pass, int lane, nint at, T x0, T x1, T x2, T x3)
        where T : unmanaged, IFloats<T>
    {
        var (g0, g1, g2, g3) = Activations<TStored>.Four<T>(pass.Dy + at);
        if (!pass.Rectified)
        {
            return (g0, g1, g2, g3);
        }

        var zero = T.Create(0);
        var (y0, y1, y2, y3) = pass.Y != null
            ? Activations<TStored>.Four<T>(pass.Y + at)
            : (Line(x0, pass, lane, 0), Line(x1, pass, lane, 1), Line(x2, pass, lane, 2), Line(x3, pass, lane, 3));
        return (
            T.IfAtLeast(zero, y0, zero, g0),
            T.IfAtLeast(zero, y1, zero, g1),
            T.IfAtLeast(zero, y2, zero, g2),
            T.IfAtLeast(zero, y3, zero, g3));
    }

    private static float MaskedOne(in BackwardPass pass, nint at, int lane)
    {
        var gradient = Activations<TStored>.Value(pass.Dy, at);
        if (!pass.Rectified)
        {
            return gradient;
        }

        var y = pass.Y != null ? Activations<TStored>.Value(pass.Y, at) : ((Activations<TStored>.Value(pass.X, at) - pass.Mean[lane]) * pass.Scale[lane]) + pass.Offset[lane];
        return y <= 0 ? 0 : gradient;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Line<T>(T x, in BackwardPass pass, int lane, int vector)
        where T : unmanaged, IFloats<T>
    {
        lane += vector * T.Count;
        return T.MultiplyAdd(x - T.Load(pass.Mean + lane), T.Load(pass.Scale + lane), T.Load(pass.Offset + lane));
    }
}

/// <summary>What the two passes back read and write; pointers to channels are wide rows.</summary>
/// <param name="dy">The gradient of the result.</param>
/// <param name="x">What was normalised.</param>
/// <param name="y">The result, null where the mask can be had from x.</param>
/// <param name="shortcut">Takes the shortcut's gradient; null without one.</param>
/// <param name="rectified">Whether there was a ReLU.</param>
/// <param name="mean">Of x.</param>
/// <param name="scale">What x was multiplied with.</param>
/// <param name="offset">What was added.</param>
internal readonly unsafe struct BackwardPass(
    byte* dy, byte* x, byte* y, byte* shortcut, bool rectified, float* mean, float* scale, float* offset)
{
    public byte* Dy { get; } = dy;

    public byte* X { get; } = x;

    public byte* Y { get; } = y;

    public byte* Shortcut { get; } = shortcut;

    public bool Rectified { get; } = rectified;

    public float* Mean { get; } = mean;

    public float* Scale { get; } = scale;

    public float* Offset { get; } = offset;
}

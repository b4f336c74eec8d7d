using System.Runtime.Intrinsics;

using SelfSup.Tensors;

namespace SelfSup.Models;

/// <summary>
/// The two passes of batch normalisation over a chunk of activations [R, C], channels last, with the addition of a
/// shortcut and the ReLU behind it in the second: memory is what such layers wait for.
/// </summary>
/// <typeparam name="TStored">How activations are stored.</typeparam>
internal static unsafe class BatchNormForward<TStored>
    where TStored : IStored
{
    /// <summary>Sums of x - shift and of its square over a chunk.</summary>
    public static void Moments(in ChannelRows rows, int chunk, byte* x, float* shift, float* sums, float* squares)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Moments<Floats16>(rows, chunk, x, shift, sums, squares);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Moments<Floats8>(rows, chunk, x, shift, sums, squares);
        }
        else
        {
            Moments<Floats4>(rows, chunk, x, shift, sums, squares);
        }
    }

    /// <summary>y = (x - mean) * scale + offset, plus the shortcut if there is one, at least 0 if it is rectified.</summary>
    public static void Normalise(
        in ChannelRows rows, int chunk, byte* x, byte* shortcut, bool rectify, float* mean, float* scale, float* offset, byte* y)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Normalise<Floats16>(rows, chunk, x, shortcut, rectify, mean, scale, offset, y);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Normalise<Floats8>(rows, chunk, x, shortcut, rectify, mean, scale, offset, y);
        }
        else
        {
            Normalise<Floats4>(rows, chunk, x, shortcut, rectify, mean, scale, offset, y);
        }
    }

    private static void Moments<T>(in ChannelRows rows, int chunk, byte* x, float* shift, float* sums, float* squares)
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
                var (k0, k1, k2, k3) = KernelBlock.Four<T>(shift + lane);
                var (s0, s1, s2, s3) = KernelBlock.Four<T>(sums + lane);
                var (q0, q1, q2, q3) = KernelBlock.Four<T>(squares + lane);
                var at = x + (nint)tile * stride + ((nint)lane * TStored.Bytes);
                for (var row = tile; row < last; row++, at += stride)
                {
                    var d0 = Activations<TStored>.Load<T>(at, 0) - k0;
                    var d1 = Activations<TStored>.Load<T>(at, 1) - k1;
                    var d2 = Activations<TStored>.Load<T>(at, 2) - k2;
                    var d3 = Activations<TStored>.Load<T>(at, 3) - k3;
                    (s0, s1, s2, s3) = (s0 + d0, s1 + d1, s2 + d2, s3 + d3);
                    q0 = T.MultiplyAdd(d0, d0, q0);
                    q1 = T.MultiplyAdd(d1, d1, q1);
                    q2 = T.MultiplyAdd(d2, d2, q2);
                    q3 = T.MultiplyAdd(d3, d3, q3);
                }

                KernelBlock.Keep(sums + lane, s0, s1, s2, s3);
                KernelBlock.Keep(squares + lane, q0, q1, q2, q3);
            }

            for (; lane < width; lane++)
            {
                for (var row = tile; row < last; row++)
                {
                    AddMoment(x, ((nint)row * width) + lane, lane, shift, sums, squares);
                }
            }
        }

        if (chunk == rows.Chunks - 1)
        {
            for (var lane = 0; lane < rows.Rest; lane++)
            {
                AddMoment(x, ((nint)rows.WideRows * width) + lane, lane, shift, sums, squares);
            }
        }
    }

    private static void AddMoment(byte* x, nint at, int lane, float* shift, float* sums, float* squares)
    {
        var difference = Activations<TStored>.Value(x, at) - shift[lane];
        sums[lane] += difference;
        squares[lane] += difference * difference;
    }

    private static void Normalise<T>(
        in ChannelRows rows, int chunk, byte* x, byte* shortcut, bool rectify, float* mean, float* scale, float* offset, byte* y)
        where T : unmanaged, IFloats<T>
    {
        var (first, end) = rows.Chunk(chunk);
        var width = rows.Width;
        var lanes = KernelBlock.Vectors * T.Count;
        var stride = (nint)width * TStored.Bytes;
        var least = T.Create(rectify ? 0 : float.NegativeInfinity);
        for (var tile = first; tile < end; tile += KernelBlock.TileRows)
        {
            var last = Math.Min(end, tile + KernelBlock.TileRows);
            var lane = 0;
            for (; lane <= width - lanes; lane += lanes)
            {
                var (m0, m1, m2, m3) = KernelBlock.Four<T>(mean + lane);
                var (a0, a1, a2, a3) = KernelBlock.Four<T>(scale + lane);
                var (b0, b1, b2, b3) = KernelBlock.Four<T>(offset + lane);
                var at = (nint)tile * stride + ((nint)lane * TStored.Bytes);
                for (var row = tile; row < last; row++, at += stride)
                {
                    var v0 = T.MultiplyAdd(Activations<TStored>.Load<T>(x + at, 0) - m0, a0, b0);
                    var v1 = T.MultiplyAdd(Activations<TStored>.Load<T>(x + at, 1) - m1, a1, b1);
                    var v2 = T.MultiplyAdd(Activations<TStored>.Load<T>(x + at, 2) - m2, a2, b2);
                    var v3 = T.MultiplyAdd(Activations<TStored>.Load<T>(x + at, 3) - m3, a3, b3);
                    if (shortcut != null)
                    {
                        v0 += Activations<TStored>.Load<T>(shortcut + at, 0);
                        v1 += Activations<TStored>.Load<T>(shortcut + at, 1);
                        v2 += Activations<TStored>.Load<T>(shortcut + at, 2);
                        v3 += Activations<TStored>.Load<T>(shortcut + at, 3);
                    }

                    // The limit stands first: where a value is not a number, the second operand is the result.
                    Activations<TStored>.Store(y + at, 0, T.Max(least, v0));
                    Activations<TStored>.Store(y + at, 1, T.Max(least, v1));
                    Activations<TStored>.Store(y + at, 2, T.Max(least, v2));
                    Activations<TStored>.Store(y + at, 3, T.Max(least, v3));
                }
            }

            for (; lane < width; lane++)
            {
                for (var row = tile; row < last; row++)
                {
                    NormaliseOne(x, shortcut, rectify, ((nint)row * width) + lane, mean[lane], scale[lane], offset[lane], y);
                }
            }
        }

        if (chunk == rows.Chunks - 1)
        {
            for (var lane = 0; lane < rows.Rest; lane++)
            {
                NormaliseOne(x, shortcut, rectify, ((nint)rows.WideRows * width) + lane, mean[lane], scale[lane], offset[lane], y);
            }
        }
    }

    private static void NormaliseOne(
        byte* x, byte* shortcut, bool rectify, nint at, float mean, float scale, float offset, byte* y)
    {
        var value = ((Activations<TStored>.Value(x, at) - mean) * scale) + offset + (shortcut == null ? 0 : Activations<TStored>.Value(shortcut, at));
        Activations<TStored>.Put(rectify ? Math.Max(0, value) : value, y, at);
    }
}

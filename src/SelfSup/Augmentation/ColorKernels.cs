using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

using SelfSup.Tensors;

namespace SelfSup.Augmentation;

/// <summary>
/// Colour operations on three rows of floats that lie in the first-level cache, in place. The rows are padded to whole
/// vectors; what is computed in the padding is not used.
/// </summary>
internal static unsafe class ColorKernels
{
    private const float Red = 0.2989f;
    private const float Green = 0.587f;
    private const float Blue = 0.114f;

    /// <summary>Applies an operation.</summary>
    /// <param name="operation">The operation; a contrast must know its mean.</param>
    /// <param name="r">Red.</param>
    /// <param name="g">Green.</param>
    /// <param name="b">Blue.</param>
    /// <param name="count">Pixels, without the padding.</param>
    public static void Apply(in ColorOperation operation, float* r, float* g, float* b, int count)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Apply<Floats16>(operation, r, g, b, count);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Apply<Floats8>(operation, r, g, b, count);
        }
        else
        {
            Apply<Floats4>(operation, r, g, b, count);
        }
    }

    /// <inheritdoc cref="Apply(in ColorOperation, float*, float*, float*, int)"/>
    public static void Apply<TFloats>(in ColorOperation operation, float* r, float* g, float* b, int count)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var (first, second) = (TFloats.Create(operation.First), TFloats.Create(operation.Second));
        var size = TFloats.Count;
        switch (operation.Kind)
        {
            case ColorKind.FromYCbCr:
                var unit = TFloats.Create(1f / 255);
                var middle = TFloats.Create(128f / 255);
                for (var i = 0; i < count; i += size)
                {
                    var y = TFloats.Load(r + i) * unit;
                    var cb = (TFloats.Load(g + i) * unit) - middle;
                    var cr = (TFloats.Load(b + i) * unit) - middle;
                    var green = TFloats.MultiplyAdd(
                        cb, TFloats.Create(-0.344136286f), TFloats.MultiplyAdd(cr, TFloats.Create(-0.714136286f), y));
                    Clamp(TFloats.MultiplyAdd(cr, TFloats.Create(1.402f), y)).Store(r + i);
                    Clamp(green).Store(g + i);
                    Clamp(TFloats.MultiplyAdd(cb, TFloats.Create(1.772f), y)).Store(b + i);
                }

                break;
            case ColorKind.FromBytes:
                var scale = TFloats.Create(1f / 255);
                for (var i = 0; i < count; i += size)
                {
                    (TFloats.Load(r + i) * scale).Store(r + i);
                    (TFloats.Load(g + i) * scale).Store(g + i);
                    (TFloats.Load(b + i) * scale).Store(b + i);
                }

                break;
            case ColorKind.Brightness:
                for (var i = 0; i < count; i += size)
                {
                    Clamp(TFloats.Load(r + i) * first).Store(r + i);
                    Clamp(TFloats.Load(g + i) * first).Store(g + i);
                    Clamp(TFloats.Load(b + i) * first).Store(b + i);
                }

                break;
            case ColorKind.Contrast:
                for (var i = 0; i < count; i += size)
                {
                    Clamp(TFloats.MultiplyAdd(TFloats.Load(r + i), first, second)).Store(r + i);
                    Clamp(TFloats.MultiplyAdd(TFloats.Load(g + i), first, second)).Store(g + i);
                    Clamp(TFloats.MultiplyAdd(TFloats.Load(b + i), first, second)).Store(b + i);
                }

                break;
            case ColorKind.Saturation:
                for (var i = 0; i < count; i += size)
                {
                    var (red, green, blue) = (TFloats.Load(r + i), TFloats.Load(g + i), TFloats.Load(b + i));
                    var gray = Gray(red, green, blue) * second;
                    Clamp(TFloats.MultiplyAdd(red, first, gray)).Store(r + i);
                    Clamp(TFloats.MultiplyAdd(green, first, gray)).Store(g + i);
                    Clamp(TFloats.MultiplyAdd(blue, first, gray)).Store(b + i);
                }

                break;
            case ColorKind.Hue:
                for (var i = 0; i < count; i += size)
                {
                    Hue<TFloats>(r + i, g + i, b + i, first);
                }

                break;
            case ColorKind.Grayscale:
                for (var i = 0; i < count; i += size)
                {
                    var gray = Gray(TFloats.Load(r + i), TFloats.Load(g + i), TFloats.Load(b + i));
                    gray.Store(r + i);
                    gray.Store(g + i);
                    gray.Store(b + i);
                }

                break;
            case ColorKind.Solarize:
                for (var i = 0; i < count; i += size)
                {
                    Invert<TFloats>(r + i, first);
                    Invert<TFloats>(g + i, first);
                    Invert<TFloats>(b + i, first);
                }

                break;
            default:
                var normalization = operation.Normalization!;
                Normalize<TFloats>(r, count, normalization, 0);
                Normalize<TFloats>(g, count, normalization, 1);
                Normalize<TFloats>(b, count, normalization, 2);
                break;
        }
    }

    /// <summary>The sum of the gray image.</summary>
    public static double GraySum(float* r, float* g, float* b, int count)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            return GraySum<Floats16>(r, g, b, count);
        }

        return Vector256.IsHardwareAccelerated
            ? GraySum<Floats8>(r, g, b, count)
            : GraySum<Floats4>(r, g, b, count);
    }

    /// <inheritdoc cref="GraySum(float*, float*, float*, int)"/>
    public static double GraySum<TFloats>(float* r, float* g, float* b, int count)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        // Rows are short, so each lane's sum keeps its precision; their sums are added up in double.
        var sums = TFloats.Create(0);
        var i = 0;
        for (; i <= count - TFloats.Count; i += TFloats.Count)
        {
            sums += Gray(TFloats.Load(r + i), TFloats.Load(g + i), TFloats.Load(b + i));
        }

        double sum = sums.Sum();
        for (; i < count; i++)
        {
            sum += (Red * r[i]) + (Green * g[i]) + (Blue * b[i]);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Gray<TFloats>(TFloats r, TFloats g, TFloats b)
        where TFloats : unmanaged, IFloats<TFloats> =>
        TFloats.MultiplyAdd(
            r, TFloats.Create(Red), TFloats.MultiplyAdd(g, TFloats.Create(Green), b * TFloats.Create(Blue)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloats Clamp<TFloats>(TFloats value)
        where TFloats : unmanaged, IFloats<TFloats> =>
        TFloats.Min(TFloats.Max(value, TFloats.Create(0)), TFloats.Create(1));

    /// <summary>
    /// The hue shift without a table over the six sectors of the colour circle: with the hue h in sextants, a channel is
    /// min + (max - min) * p, where p is |h - 3| - 1, 2 - |h - 2| and 2 - |h - 4| for R, G and B, clamped to 0..1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Hue<TFloats>(float* r, float* g, float* b, TFloats sextants)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var (red, green, blue) = (TFloats.Load(r), TFloats.Load(g), TFloats.Load(b));
        var (zero, one, six) = (TFloats.Create(0), TFloats.Create(1), TFloats.Create(6));
        var max = TFloats.Max(TFloats.Max(red, green), blue);
        var chroma = max - TFloats.Min(TFloats.Min(red, green), blue);
        var inverse = one / TFloats.IfEqual(chroma, zero, one, chroma);
        var fromRed = (green - blue) * inverse;
        var fromGreen = TFloats.MultiplyAdd(blue - red, inverse, TFloats.Create(2));
        var fromBlue = TFloats.MultiplyAdd(red - green, inverse, TFloats.Create(4));
        var hue = TFloats.IfEqual(max, red, fromRed, TFloats.IfEqual(max, green, fromGreen, fromBlue)) + sextants;
        hue -= six * TFloats.Floor(hue * TFloats.Create(1f / 6));
        var min = max - chroma;
        var (two, three) = (TFloats.Create(2), TFloats.Create(3));
        var redPart = TFloats.Abs(hue - three) - one;
        var greenPart = two - TFloats.Abs(hue - two);
        var bluePart = two - TFloats.Abs(hue - TFloats.Create(4));
        TFloats.MultiplyAdd(chroma, Clamp(redPart), min).Store(r);
        TFloats.MultiplyAdd(chroma, Clamp(greenPart), min).Store(g);
        TFloats.MultiplyAdd(chroma, Clamp(bluePart), min).Store(b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Invert<TFloats>(float* values, TFloats threshold)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var value = TFloats.Load(values);
        TFloats.IfAtLeast(value, threshold, TFloats.Create(1) - value, value).Store(values);
    }

    private static void Normalize<TFloats>(float* values, int count, Normalize normalization, int channel)
        where TFloats : unmanaged, IFloats<TFloats>
    {
        var (mean, deviation) = (normalization.Mean[channel], normalization.StandardDeviation[channel]);
        var (scale, shift) = (TFloats.Create((float)(1 / deviation)), TFloats.Create((float)(-mean / deviation)));
        for (var i = 0; i < count; i += TFloats.Count)
        {
            TFloats.MultiplyAdd(TFloats.Load(values + i), scale, shift).Store(values + i);
        }
    }
}

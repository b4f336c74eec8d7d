using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SelfSup.Augmentation;

/// <summary>
/// Colour operations at fixed parameters on planes [3, H, W] in 0..1, in place. They compute what torchvision computes
/// for float tensors: results of the four jitter operations are clamped to 0..1, and gray is 0.2989 R + 0.587 G +
/// 0.114 B.
/// </summary>
internal static class ColorKernels
{
    private const float Red = 0.2989f;
    private const float Green = 0.587f;
    private const float Blue = 0.114f;

    /// <summary>factor * image.</summary>
    public static void Brightness(Span<float> planes, double factor) =>
        Each(planes, planes, new BrightnessOperation((float)factor));

    /// <summary>factor * image + (1 - factor) * mean of the gray image.</summary>
    public static void Contrast(Span<float> planes, double factor) =>
        Each(planes, planes, new ContrastOperation((float)factor, (float)((1 - factor) * GrayMean(planes))));

    /// <summary>factor * image + (1 - factor) * gray image.</summary>
    public static void Saturation(Span<float> planes, double factor) =>
        Each(planes, planes, new SaturationOperation((float)factor));

    /// <summary>Turns the hue; value and saturation of HSV stay.</summary>
    /// <param name="planes">The image, [3, H, W].</param>
    /// <param name="factor">Part of the hue circle, -0.5 to 0.5.</param>
    public static void Hue(Span<float> planes, double factor) =>
        Each(planes, planes, new HueOperation((float)(6 * factor)));

    /// <summary>Three equal channels of gray.</summary>
    public static void Grayscale(Span<float> planes) => Each(planes, planes, default(GrayscaleOperation));

    /// <summary>Inverts the values that are at least the threshold.</summary>
    public static void Solarize(Span<float> planes, double threshold) =>
        Each(planes, planes, new SolarizeOperation((float)threshold));

    /// <summary>(image - mean) / standard deviation, by channel. The destination may be the source.</summary>
    public static void Normalize(
        ReadOnlySpan<float> planes, Span<float> destination, ReadOnlySpan<double> mean,
        ReadOnlySpan<double> deviation) =>
        Each(planes, destination, new NormalizeOperation(mean, deviation));

    /// <summary>The mean of the gray image.</summary>
    public static double GrayMean(ReadOnlySpan<float> planes)
    {
        // Sums of a block stay small enough for a float; the blocks are added up in double.
        const int Block = 4096;
        var plane = planes.Length / 3;
        var r = planes[..plane];
        var g = planes.Slice(plane, plane);
        var b = planes.Slice(2 * plane, plane);
        double total = 0;
        for (var start = 0; start < plane; start += Block)
        {
            var length = Math.Min(Block, plane - start);
            total += (Red * (double)Sum(r.Slice(start, length)))
                + (Green * (double)Sum(g.Slice(start, length)))
                + (Blue * (double)Sum(b.Slice(start, length)));
        }

        return total / plane;
    }

    private static float Sum(ReadOnlySpan<float> values)
    {
        var sums = Vector<float>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            sums += new Vector<float>(values[i..]);
        }

        var sum = Vector.Sum(sums);
        for (; i < values.Length; i++)
        {
            sum += values[i];
        }

        return sum;
    }

    /// <summary>
    /// One pass over all pixels. The operation is a struct, so each gets compiled code of its own with the operation
    /// inlined; what does not fill a vector goes through the same operation on a padded copy.
    /// </summary>
    private static void Each<TOperation>(ReadOnlySpan<float> planes, Span<float> destination, TOperation operation)
        where TOperation : struct, IColorOperation
    {
        var plane = planes.Length / 3;
        ref var source = ref MemoryMarshal.GetReference(planes);
        ref var target = ref MemoryMarshal.GetReference(destination[..planes.Length]);
        var (second, third) = ((nuint)plane, (nuint)(2 * plane));
        var whole = plane - (plane % Vector<float>.Count);
        for (nuint i = 0; i < (nuint)whole; i += (nuint)Vector<float>.Count)
        {
            var r = Vector.LoadUnsafe(ref source, i);
            var g = Vector.LoadUnsafe(ref source, i + second);
            var b = Vector.LoadUnsafe(ref source, i + third);
            operation.Apply(ref r, ref g, ref b);
            r.StoreUnsafe(ref target, i);
            g.StoreUnsafe(ref target, i + second);
            b.StoreUnsafe(ref target, i + third);
        }

        if (whole < plane)
        {
            Rest(planes, destination, whole, operation);
        }
    }

    private static void Rest<TOperation>(
        ReadOnlySpan<float> planes, Span<float> destination, int start, TOperation operation)
        where TOperation : struct, IColorOperation
    {
        var plane = planes.Length / 3;
        var length = plane - start;
        Span<float> padded = stackalloc float[3 * Vector<float>.Count];
        padded.Clear();
        for (var channel = 0; channel < 3; channel++)
        {
            planes.Slice((channel * plane) + start, length).CopyTo(padded[(channel * Vector<float>.Count)..]);
        }

        var r = new Vector<float>(padded);
        var g = new Vector<float>(padded[Vector<float>.Count..]);
        var b = new Vector<float>(padded[(2 * Vector<float>.Count)..]);
        operation.Apply(ref r, ref g, ref b);
        r.CopyTo(padded);
        g.CopyTo(padded[Vector<float>.Count..]);
        b.CopyTo(padded[(2 * Vector<float>.Count)..]);
        for (var channel = 0; channel < 3; channel++)
        {
            padded.Slice(channel * Vector<float>.Count, length).CopyTo(destination[((channel * plane) + start)..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Gray(Vector<float> r, Vector<float> g, Vector<float> b) =>
        Vector.MultiplyAddEstimate(
            r, Vector.Create(Red), Vector.MultiplyAddEstimate(g, Vector.Create(Green), b * Vector.Create(Blue)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Clamp(Vector<float> value) =>
        Vector.Min(Vector.Max(value, Vector<float>.Zero), Vector<float>.One);

    /// <summary>What happens to the three channels of a vector of pixels.</summary>
    private interface IColorOperation
    {
        void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b);
    }

    private readonly struct BrightnessOperation(float factor) : IColorOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b) =>
            (r, g, b) = (Clamp(r * factor), Clamp(g * factor), Clamp(b * factor));
    }

    private readonly struct ContrastOperation(float factor, float offset) : IColorOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b)
        {
            var (scale, shift) = (Vector.Create(factor), Vector.Create(offset));
            r = Clamp(Vector.MultiplyAddEstimate(r, scale, shift));
            g = Clamp(Vector.MultiplyAddEstimate(g, scale, shift));
            b = Clamp(Vector.MultiplyAddEstimate(b, scale, shift));
        }
    }

    private readonly struct SaturationOperation(float factor) : IColorOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b)
        {
            var scale = Vector.Create(factor);
            var gray = Gray(r, g, b) * (1 - factor);
            r = Clamp(Vector.MultiplyAddEstimate(r, scale, gray));
            g = Clamp(Vector.MultiplyAddEstimate(g, scale, gray));
            b = Clamp(Vector.MultiplyAddEstimate(b, scale, gray));
        }
    }

    /// <summary>
    /// The hue shift without a table over the six sectors of the colour circle. With the hue h in sextants, a channel
    /// is max - (max - min) * clamp(min(k, 4 - k), 0, 1) where k = (n + h) mod 6 and n = 5, 3, 1 for R, G, B.
    /// </summary>
    private readonly struct HueOperation(float sextants) : IColorOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b)
        {
            var max = Vector.Max(Vector.Max(r, g), b);
            var chroma = max - Vector.Min(Vector.Min(r, g), b);
            var gray = Vector.Equals(chroma, Vector<float>.Zero);
            var inverse = Vector<float>.One / Vector.ConditionalSelect(gray, Vector<float>.One, chroma);
            var fromRed = (g - b) * inverse;
            var fromGreen = Vector.MultiplyAddEstimate(b - r, inverse, Vector.Create(2f));
            var fromBlue = Vector.MultiplyAddEstimate(r - g, inverse, Vector.Create(4f));
            var hue = Vector.ConditionalSelect(
                Vector.Equals(max, r), fromRed, Vector.ConditionalSelect(Vector.Equals(max, g), fromGreen, fromBlue));
            hue += Vector.Create(sextants);
            hue -= 6 * Vector.Floor(hue * (1f / 6));
            r = Clamp(Channel(hue + Vector.Create(5f), max, chroma));
            g = Clamp(Channel(hue + Vector.Create(3f), max, chroma));
            b = Clamp(Channel(hue + Vector.Create(1f), max, chroma));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector<float> Channel(Vector<float> k, Vector<float> max, Vector<float> chroma)
        {
            var six = Vector.Create(6f);
            k -= Vector.ConditionalSelect(Vector.GreaterThanOrEqual(k, six), six, Vector<float>.Zero);
            return max - (chroma * Clamp(Vector.Min(k, Vector.Create(4f) - k)));
        }
    }

    private readonly struct GrayscaleOperation : IColorOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b) => r = g = b = Gray(r, g, b);
    }

    private readonly struct SolarizeOperation(float threshold) : IColorOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b) =>
            (r, g, b) = (Invert(r), Invert(g), Invert(b));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private Vector<float> Invert(Vector<float> value) => Vector.ConditionalSelect(
            Vector.GreaterThanOrEqual(value, Vector.Create(threshold)), Vector<float>.One - value, value);
    }

    private readonly struct NormalizeOperation(ReadOnlySpan<double> mean, ReadOnlySpan<double> deviation)
        : IColorOperation
    {
        private readonly float _redScale = (float)(1 / deviation[0]);
        private readonly float _redShift = (float)(-mean[0] / deviation[0]);
        private readonly float _greenScale = (float)(1 / deviation[1]);
        private readonly float _greenShift = (float)(-mean[1] / deviation[1]);
        private readonly float _blueScale = (float)(1 / deviation[2]);
        private readonly float _blueShift = (float)(-mean[2] / deviation[2]);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref Vector<float> r, ref Vector<float> g, ref Vector<float> b)
        {
            r = Vector.MultiplyAddEstimate(r, Vector.Create(_redScale), Vector.Create(_redShift));
            g = Vector.MultiplyAddEstimate(g, Vector.Create(_greenScale), Vector.Create(_greenShift));
            b = Vector.MultiplyAddEstimate(b, Vector.Create(_blueScale), Vector.Create(_blueShift));
        }
    }
}

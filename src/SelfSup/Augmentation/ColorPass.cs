using System.Runtime.CompilerServices;

using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// Colour operations that wait to be done together: a stretch of pixels goes through all of them while it lies in the
/// first-level cache. Only a contrast needs a look at the whole view before it, for its mean.
/// </summary>
internal sealed unsafe class ColorPass
{
    /// <summary>Pixels of a stretch: three rows of them take 12 KB.</summary>
    private const int Stretch = 1024;

    /// <summary>Floats behind a row that vectors may reach into.</summary>
    private const int Padding = 16;

    private readonly PinnedBuffer<float> _rows = new();
    private readonly List<ColorOperation> _operations = [];

    public bool IsEmpty => _operations.Count == 0;

    /// <summary>Whether an operation must see the whole view first.</summary>
    public bool NeedsMean => NextContrast(0) >= 0;

    /// <summary>Adds an operation behind the others.</summary>
    public void Add(in ColorOperation operation) => _operations.Add(operation);

    /// <summary>Adds an operation before the others.</summary>
    public void Prepend(in ColorOperation operation) => _operations.Insert(0, operation);

    /// <summary>Forgets the operations.</summary>
    public void Clear() => _operations.Clear();

    /// <summary>Does all operations, and forgets them.</summary>
    /// <param name="planes">[3, pixels]; changed where there is a contrast.</param>
    /// <param name="target">Takes the view; it may be the planes.</param>
    public void Run(float* planes, in ViewTarget target)
    {
        Rows(Stretch, out var r, out var g, out var b);
        var begin = 0;
        for (var contrast = NextContrast(0); contrast >= 0; contrast = NextContrast(contrast + 1))
        {
            double sum = 0;
            for (var start = 0; start < target.Pixels; start += Stretch)
            {
                var count = Math.Min(Stretch, target.Pixels - start);
                Load(planes + start, target.Pixels, count, r, g, b);
                if (begin < contrast)
                {
                    Apply(begin, contrast, r, g, b, count);
                    new ViewTarget(planes, target.Pixels, default, isScratch: true).Write(start, count, r, g, b);
                }

                sum += ColorKernels.GraySum(r, g, b, count);
            }

            _operations[contrast] = _operations[contrast].WithMean(sum / target.Pixels);
            begin = contrast;
        }

        for (var start = 0; start < target.Pixels; start += Stretch)
        {
            var count = Math.Min(Stretch, target.Pixels - start);
            Load(planes + start, target.Pixels, count, r, g, b);
            Apply(begin, _operations.Count, r, g, b, count);
            target.Write(start, count, r, g, b);
        }

        Clear();
    }

    /// <summary>Three rows for <see cref="Finish"/>, padded so that whole vectors fit.</summary>
    public void Rows(int length, out float* r, out float* g, out float* b)
    {
        var stride = length + Padding;
        r = _rows.Reserve(3L * stride);
        g = r + stride;
        b = g + stride;
    }

    /// <summary>Does all operations, of which none <see cref="NeedsMean"/>, on some pixels and writes them.</summary>
    /// <param name="start">Where they are in the view, in reading order.</param>
    /// <param name="count">How many.</param>
    /// <param name="r">Red, one of <see cref="Rows"/>.</param>
    /// <param name="g">Green.</param>
    /// <param name="b">Blue.</param>
    /// <param name="target">Takes them.</param>
    public void Finish(int start, int count, float* r, float* g, float* b, in ViewTarget target)
    {
        Apply(0, _operations.Count, r, g, b, count);
        target.Write(start, count, r, g, b);
    }

    private int NextContrast(int start) =>
        _operations.FindIndex(start, static operation => operation.Kind == ColorKind.Contrast);

    private void Apply(int begin, int end, float* r, float* g, float* b, int count)
    {
        for (var i = begin; i < end; i++)
        {
            ColorKernels.Apply(_operations[i], r, g, b, count);
        }
    }

    private static void Load(float* planes, int pixels, int count, float* r, float* g, float* b)
    {
        var bytes = (uint)(count * sizeof(float));
        Unsafe.CopyBlockUnaligned(r, planes, bytes);
        Unsafe.CopyBlockUnaligned(g, planes + pixels, bytes);
        Unsafe.CopyBlockUnaligned(b, planes + (2 * (nint)pixels), bytes);
    }
}

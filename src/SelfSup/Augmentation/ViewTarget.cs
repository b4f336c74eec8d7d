using System.Runtime.Intrinsics;

using SelfSup.Tensors;

namespace SelfSup.Augmentation;

/// <summary>How the values of a batch are stored.</summary>
/// <param name="IsBFloat16">bfloat16 instead of float32.</param>
/// <param name="ChannelsLast">[H, W, 3] instead of [3, H, W]: pixel after pixel.</param>
internal readonly record struct ViewFormat(bool IsBFloat16 = false, bool ChannelsLast = false)
{
    /// <summary>Bytes of a value.</summary>
    public int ValueBytes => IsBFloat16 ? sizeof(ushort) : sizeof(float);
}

/// <summary>The memory that takes one view.</summary>
/// <param name="memory">Room for three values for each pixel.</param>
/// <param name="pixels">H * W.</param>
/// <param name="format">How they are stored.</param>
/// <param name="isScratch">Whether the values are read again right away.</param>
internal readonly unsafe struct ViewTarget(void* memory, int pixels, ViewFormat format, bool isScratch = false)
{
    /// <summary>Pixels of a view that does not stay in the cache until a batch is full: 64 x 64.</summary>
    private const int LargeView = 64 * 64;

    public int Pixels => pixels;

    /// <summary>Writes neighbouring pixels.</summary>
    /// <param name="first">Their first position in the view, in reading order.</param>
    /// <param name="count">How many.</param>
    /// <param name="r">Red; this and the others are padded to whole vectors.</param>
    /// <param name="g">Green.</param>
    /// <param name="b">Blue.</param>
    public void Write(int first, int count, float* r, float* g, float* b)
    {
        if (format.ChannelsLast)
        {
            WriteLast(first, count, r, g, b);
        }
        else if (format.IsBFloat16)
        {
            var values = (ushort*)memory + first;
            WriteBFloat16(r, values, count);
            WriteBFloat16(g, values + pixels, count);
            WriteBFloat16(b, values + (2 * (nint)pixels), count);
        }
        else
        {
            var values = (float*)memory + first;
            WriteFloats(r, values, count);
            WriteFloats(g, values + pixels, count);
            WriteFloats(b, values + (2 * (nint)pixels), count);
        }
    }

    /// <summary>
    /// A large view is read long after it was written, when it has left every cache: writing around them spares them, and
    /// the memory from being read first.
    /// </summary>
    private void WriteFloats(float* source, float* target, int count)
    {
        var i = 0;
        if (pixels >= LargeView && !isScratch && Vector256.IsHardwareAccelerated && (nuint)target % 32 == 0)
        {
            for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
            {
                Vector256.Load(source + i).StoreAlignedNonTemporal(target + i);
            }
        }

        new ReadOnlySpan<float>(source + i, count - i).CopyTo(new Span<float>(target + i, count - i));
    }

    private void WriteLast(int first, int count, float* r, float* g, float* b)
    {
        if (format.IsBFloat16)
        {
            var target = (ushort*)memory + (3 * (nint)first);
            for (var i = 0; i < count; i++, target += 3)
            {
                Floats1.Create(r[i]).StoreBFloat16(target);
                Floats1.Create(g[i]).StoreBFloat16(target + 1);
                Floats1.Create(b[i]).StoreBFloat16(target + 2);
            }

            return;
        }

        var values = (float*)memory + (3 * (nint)first);
        for (var i = 0; i < count; i++, values += 3)
        {
            (values[0], values[1], values[2]) = (r[i], g[i], b[i]);
        }
    }

    private static void WriteBFloat16(float* source, ushort* target, int count)
    {
        var i = 0;
        for (; i <= count - Floats8.Count; i += Floats8.Count)
        {
            Floats8.Load(source + i).StoreBFloat16(target + i);
        }

        for (; i < count; i++)
        {
            Floats1.Create(source[i]).StoreBFloat16(target + i);
        }
    }
}

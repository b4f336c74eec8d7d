
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
internal readonly unsafe struct ViewTarget(void* memory, int pixels, ViewFormat format)
{
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
            new ReadOnlySpan<float>(r, count).CopyTo(new Span<float>(values, count));
            new ReadOnlySpan<float>(g, count).CopyTo(new Span<float>(values + pixels, count));
            new ReadOnlySpan<float>(b, count).CopyTo(new Span<float>(values + (2 * (nint)pixels), count));
        }
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

using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

using SkiaSharp;

namespace SelfSup.Images;

/// <summary>The eight ways an EXIF header can say that the stored rows are not the image's rows.</summary>
internal static class Orientation
{
    /// <summary>Copies RGBA pixels as stored to RGB pixels as they are to be seen; alpha is left out.</summary>
    /// <param name="stored">[height, width, 4].</param>
    /// <param name="width">Width as stored.</param>
    /// <param name="height">Height as stored.</param>
    /// <param name="origin">Where the stored image's first row and first column lie in the upright one.</param>
    /// <param name="upright">[height, width, 3], or [width, height, 3] where rows and columns change places.</param>
    public static void CopyUpright(
        ReadOnlySpan<byte> stored, int width, int height, SKEncodedOrigin origin, Span<byte> upright)
    {
        Debug.Assert(stored.Length / 4 == upright.Length / 3);
        // The upright pixel of the stored pixel (x, y) is start + x * right + y * down.
        var (start, right, down) = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => ((width * height) - 1, -1, -width),
            SKEncodedOrigin.BottomLeft => (width * (height - 1), 1, -width),
            SKEncodedOrigin.LeftTop => (0, height, 1),
            SKEncodedOrigin.RightTop => (height - 1, height, -1),
            SKEncodedOrigin.RightBottom => ((width * height) - 1, -height, -1),
            SKEncodedOrigin.LeftBottom => (height * (width - 1), -height, 1),
            _ => (0, 1, width),
        };
        if (right == 1 && down == width)
        {
            DropAlpha(stored, upright);
            return;
        }

        for (var y = 0; y < height; y++)
        {
            var row = stored.Slice(4 * y * width, 4 * width);
            var target = start + (y * down);
            for (var x = 0; x < row.Length; x += 4)
            {
                row.Slice(x, 3).CopyTo(upright.Slice(3 * target, 3));
                target += right;
            }
        }
    }

    /// <summary>RGBA to RGB, four pixels at a time.</summary>
    private static void DropAlpha(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        var pixels = rgba.Length / 4;
        var i = 0;
        var order = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 255, 255, 255, 255);
        // Sixteen bytes are written for twelve that count, so the last pixels are left to the plain loop.
        for (; i <= pixels - 6; i += 4)
        {
            var four = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(rgba), (nuint)(4 * i));
            Vector128.Shuffle(four, order).StoreUnsafe(ref MemoryMarshal.GetReference(rgb), (nuint)(3 * i));
        }

        for (; i < pixels; i++)
        {
            rgba.Slice(4 * i, 3).CopyTo(rgb.Slice(3 * i, 3));
        }
    }
}

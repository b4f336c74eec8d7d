using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SelfSup.Images;

/// <summary>
/// How an image has to be turned to be upright: rows and columns may change places, then each may be reversed. These are
/// the eight orientations of EXIF.
/// </summary>
/// <param name="orientation">1 to 8.</param>
internal readonly struct Turn(int orientation)
{
    /// <summary>Whether the stored rows are the upright columns.</summary>
    public bool Transposes { get; } = orientation >= 5;

    /// <summary>Whether the upright rows come from the bottom, after transposing.</summary>
    public bool ReversesRows { get; } = orientation is 3 or 4 or 7 or 8;

    /// <summary>Whether the upright columns come from the right, after transposing.</summary>
    public bool ReversesColumns { get; } = orientation is 2 or 3 or 6 or 7;

    /// <summary>Whether the image is upright as it is stored.</summary>
    public bool IsNone => !Transposes && !ReversesRows && !ReversesColumns;

    /// <summary>The rectangle of the stored image that a rectangle of the upright one shows.</summary>
    /// <param name="upright">The rectangle.</param>
    /// <param name="height">H of the upright image.</param>
    /// <param name="width">W of the upright image.</param>
    public Region ToStored(Region upright, int height, int width)
    {
        var top = ReversesRows ? height - upright.Top - upright.Height : upright.Top;
        var left = ReversesColumns ? width - upright.Left - upright.Width : upright.Left;
        return Transposes
            ? new Region(left, top, upright.Width, upright.Height)
            : new Region(top, left, upright.Height, upright.Width);
    }

    /// <summary>Copies pixels as stored to RGB pixels as they are to be seen; a fourth channel is left out.</summary>
    /// <param name="stored">[height, width, channels].</param>
    /// <param name="width">Width as stored.</param>
    /// <param name="height">Height as stored.</param>
    /// <param name="channels">3 or 4.</param>
    /// <param name="upright">[height, width, 3], or [width, height, 3] where rows and columns change places.</param>
    public void Copy(ReadOnlySpan<byte> stored, int width, int height, int channels, Span<byte> upright)
    {
        Debug.Assert(stored.Length / channels == upright.Length / 3);
        if (IsNone)
        {
            if (channels == 3)
            {
                stored.CopyTo(upright);
            }
            else
            {
                DropAlpha(stored, upright);
            }

            return;
        }

        // The upright pixel of the stored pixel (x, y) is start + x * right + y * down.
        var (rows, columns) = Transposes ? (width, height) : (height, width);
        var (row, column) = (ReversesRows ? -columns : columns, ReversesColumns ? -1 : 1);
        var start = (ReversesRows ? (rows - 1) * columns : 0) + (ReversesColumns ? columns - 1 : 0);
        var (right, down) = Transposes ? (row, column) : (column, row);
        for (var y = 0; y < height; y++)
        {
            var line = stored.Slice(channels * y * width, channels * width);
            var target = start + (y * down);
            for (var x = 0; x < line.Length; x += channels)
            {
                line.Slice(x, 3).CopyTo(upright.Slice(3 * target, 3));
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

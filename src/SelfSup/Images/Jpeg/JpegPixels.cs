using System.Runtime.CompilerServices;

namespace SelfSup.Images.Jpeg;

/// <summary>
/// Turns decoded planes into 8-bit RGB, bit for bit as libjpeg does with its default settings: "fancy" upsampling of
/// half-resolution planes (a sample is 3/4 of the nearer and 1/4 of the farther neighbour, in each direction) and
/// colours in fixed-point arithmetic of 16 bits (JFIF 1.02).
/// </summary>
internal sealed unsafe class JpegPixels
{
    private const int Half = 1 << 15;

    private static readonly int[] _redOfCr = Table(91881, Half, 16);
    private static readonly int[] _blueOfCb = Table(116130, Half, 16);
    private static readonly int[] _greenOfCb = Table(-22554, 0, 0);
    private static readonly int[] _greenOfCr = Table(-46802, Half, 0);

    private readonly PinnedBuffer<byte> _rows = new();
    private readonly PinnedBuffer<int> _sums = new();

    /// <summary>Writes a region's pixels.</summary>
    /// <param name="header">The file; its components' planes hold the region, not scaled.</param>
    /// <param name="region">The region, in pixels as stored.</param>
    /// <param name="rgb">Takes the pixels, [H, W, 3].</param>
    public void Write(JpegHeader header, Region region, Span<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rgb.Length, 3 * region.Height * region.Width);
        var rows = _rows.Reserve(4L * region.Width);
        var components = header.Components;
        var first = rows;
        var second = first + region.Width;
        var third = second + region.Width;
        var fourth = third + region.Width;
        fixed (byte* start = rgb)
        {
            for (var y = 0; y < region.Height; y++)
            {
                for (var i = 0; i < components.Length; i++)
                {
                    Upsample(components[i].Plane, region.Top + y, region.Left, region.Width, rows + (i * region.Width));
                }

                var target = start + (3L * y * region.Width);
                switch (header.Color)
                {
                    case JpegColor.Gray:
                        FromRgb(first, first, first, target, region.Width);
                        break;
                    case JpegColor.Rgb:
                        FromRgb(first, second, third, target, region.Width);
                        break;
                    case JpegColor.YCbCr:
                        FromYCbCr(first, second, third, target, region.Width);
                        break;
                    default:
                        FromInks(first, second, third, fourth, target, region.Width, header);
                        break;
                }
            }
        }
    }

    private static void FromRgb(byte* red, byte* green, byte* blue, byte* target, int width)
    {
        for (var x = 0; x < width; x++, target += 3)
        {
            (target[0], target[1], target[2]) = (red[x], green[x], blue[x]);
        }
    }

    private static void FromYCbCr(byte* luma, byte* cb, byte* cr, byte* target, int width)
    {
        for (var x = 0; x < width; x++, target += 3)
        {
            target[0] = Clamp(luma[x] + _redOfCr[cr[x]]);
            target[1] = Clamp(luma[x] + ((_greenOfCb[cb[x]] + _greenOfCr[cr[x]]) >> 16));
            target[2] = Clamp(luma[x] + _blueOfCb[cb[x]]);
        }
    }

    /// <summary>
    /// Inks as light, without a colour profile: what one ink lets through times what black lets through. What is let
    /// through is stored, with an Adobe marker or without: so other decoders read it (libjpeg, Pillow, ImageMagick). In
    /// YCCK it is the complement of the first three that is coded as YCbCr.
    /// </summary>
    private static void FromInks(
        byte* first, byte* second, byte* third, byte* black, byte* target, int width, JpegHeader header)
    {
        var invert = (byte)0;
        if (header.Color == JpegColor.Ycck)
        {
            FromYCbCr(first, second, third, target, width);
            invert = 0xFF;
        }
        else
        {
            FromRgb(first, second, third, target, width);
        }

        for (var x = 0; x < width; x++, target += 3)
        {
            int light = black[x];
            for (var i = 0; i < 3; i++)
            {
                target[i] = (byte)((((target[i] ^ invert) * light) + 127) / 255);
            }
        }
    }

    private void Upsample(JpegPlane plane, int y, int left, int width, byte* target)
    {
        if ((plane.HorizontalRatio, plane.VerticalRatio) == (1, 1))
        {
            Unsafe.CopyBlockUnaligned(target, plane.At(y, left), (uint)width);
            return;
        }

        var across = plane.HorizontalRatio == 2;
        if (!plane.IsInterpolated)
        {
            var row = plane.At(y / plane.VerticalRatio, 0);
            for (var x = 0; x < width; x++)
            {
                target[x] = row[(left + x) / 2];
            }

            return;
        }

        var near = y / plane.VerticalRatio;
        var far = plane.VerticalRatio == 1 ? near : Math.Clamp((y & 1) == 0 ? near - 1 : near + 1, 0, plane.Height - 1);
        if (!across)
        {
            var nearRow = plane.At(near, left);
            var farRow = plane.At(far, left);
            var bias = (y & 1) == 0 ? 1 : 2;
            for (var x = 0; x < width; x++)
            {
                target[x] = (byte)(((3 * nearRow[x]) + farRow[x] + bias) >> 2);
            }

            return;
        }

        // Sums of the two rows, with a neighbour on each side; their scale is 4, or 1 where there is one row.
        var decoded = plane.Decoded;
        var begin = Math.Max(decoded.Left, (left / 2) - 1);
        var end = Math.Min(decoded.Left + decoded.Width, ((left + width - 1) / 2) + 2);
        var sums = _sums.Reserve(end - begin);
        var nearBytes = plane.At(near, begin);
        var farBytes = plane.At(far, begin);
        var both = plane.VerticalRatio == 2;
        for (var x = 0; x < end - begin; x++)
        {
            sums[x] = both ? (3 * nearBytes[x]) + farBytes[x] : nearBytes[x];
        }

        var (evenBias, oddBias, shift) = both ? (8, 7, 4) : (1, 2, 2);
        for (var x = 0; x < width; x++)
        {
            var position = left + x;
            var centre = position / 2;
            var even = (position & 1) == 0;
            var neighbour = Math.Clamp(even ? centre - 1 : centre + 1, 0, plane.Width - 1);
            var sum = (3 * sums[centre - begin]) + sums[neighbour - begin];
            target[x] = (byte)((sum + (even ? evenBias : oddBias)) >> shift);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Clamp(int value) => (byte)Math.Clamp(value, 0, 255);

    private static int[] Table(int factor, int bias, int shift)
    {
        var table = new int[256];
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = ((factor * (i - 128)) + bias) >> shift;
        }

        return table;
    }
}

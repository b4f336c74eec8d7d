using System.Runtime.Intrinsics;

using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>Takes interleaved RGB apart.</summary>
internal static unsafe class Channels
{
    private const int Block = 16;

    private static readonly Vector128<byte>[] _shuffles = Shuffles();

    /// <summary>Copies a rectangle of an image to three planes of bytes.</summary>
    /// <param name="pixels">The image, [.., imageWidth, 3].</param>
    /// <param name="imageWidth">Pixels in a row of the image.</param>
    /// <param name="region">The rectangle.</param>
    /// <param name="planes">Takes the planes, [3, H, W] of the rectangle.</param>
    public static void Split(ReadOnlySpan<byte> pixels, int imageWidth, Region region, byte* planes)
    {
        var plane = (nint)region.Height * region.Width;
        for (var y = 0; y < region.Height; y++)
        {
            var row = pixels.Slice(3 * (((region.Top + y) * imageWidth) + region.Left), 3 * region.Width);
            fixed (byte* source = row)
            {
                var target = planes + ((nint)y * region.Width);
                SplitRow(source, region.Width, target, target + plane, target + (2 * plane));
            }
        }
    }

    private static void SplitRow(byte* source, int width, byte* red, byte* green, byte* blue)
    {
        var x = 0;
        var shuffles = _shuffles;
        for (; x <= width - Block; x += Block)
        {
            var (a, b, c) = (
                Vector128.Load(source + (3 * x)), Vector128.Load(source + (3 * x) + Block),
                Vector128.Load(source + (3 * x) + (2 * Block)));
            Pick(a, b, c, shuffles, 0).Store(red + x);
            Pick(a, b, c, shuffles, 3).Store(green + x);
            Pick(a, b, c, shuffles, 6).Store(blue + x);
        }

        for (; x < width; x++)
        {
            (red[x], green[x], blue[x]) = (source[3 * x], source[(3 * x) + 1], source[(3 * x) + 2]);
        }
    }

    private static Vector128<byte> Pick(
        Vector128<byte> a, Vector128<byte> b, Vector128<byte> c, Vector128<byte>[] shuffles, int first) =>
        Vector128.Shuffle(a, shuffles[first]) | Vector128.Shuffle(b, shuffles[first + 1])
        | Vector128.Shuffle(c, shuffles[first + 2]);

    /// <summary>By channel and part of 48 bytes: which byte goes where; 255 for none, which gives 0.</summary>
    private static Vector128<byte>[] Shuffles()
    {
        var shuffles = new Vector128<byte>[9];
        for (var i = 0; i < shuffles.Length; i++)
        {
            var (channel, part) = Math.DivRem(i, 3);
            var order = new byte[Block];
            for (var x = 0; x < Block; x++)
            {
                var from = (3 * x) + channel - (part * Block);
                order[x] = from is >= 0 and < Block ? (byte)from : (byte)255;
            }

            shuffles[i] = Vector128.Create(order);
        }

        return shuffles;
    }
}

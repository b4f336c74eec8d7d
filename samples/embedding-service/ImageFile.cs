using System.Runtime.InteropServices;

using SkiaSharp;

namespace SelfSup.Samples.EmbeddingService;

/// <summary>An image in memory: R, G, B pixel by pixel, upright.</summary>
/// <param name="Width">Pixels of a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Pixels">[Height, Width, 3], 0 to 255.</param>
internal sealed record ImageFile(int Width, int Height, byte[] Pixels)
{
    /// <summary>Decodes JPEG, PNG, WebP, BMP or GIF. Colour profiles are not applied, as they were not in training.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="maxPixels">Images with more pixels are refused before they are decoded.</param>
    /// <exception cref="InvalidDataException">It is no whole image, or too large.</exception>
    public static ImageFile Decode(byte[] bytes, string name, long maxPixels)
    {
        using var data = SKData.CreateCopy(bytes);
        using var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException($"{name}: is no image that can be read; must be JPEG, PNG, WebP, BMP or GIF");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > maxPixels)
        {
            throw new InvalidDataException($"{name}: {width} x {height} pixels, must be at most {maxPixels:N0}");
        }

        // Unpremultiplied and without a colour space: values are those of the file.
        var rgba = new byte[width * height * 4];
        var pin = GCHandle.Alloc(rgba, GCHandleType.Pinned);
        try
        {
            var target = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
            var result = codec.GetPixels(target, pin.AddrOfPinnedObject(), target.RowBytes, SKCodecOptions.Default);
            if (result != SKCodecResult.Success)
            {
                throw new InvalidDataException(
                    $"{name}: {(result == SKCodecResult.IncompleteInput ? "is cut off" : $"is damaged ({result})")}; send the whole file");
            }
        }
        finally
        {
            pin.Free();
        }

        return Upright(rgba, width, height, (int)codec.EncodedOrigin);
    }

    /// <summary>Turns an image as its EXIF orientation, 1 to 8, says, and drops its transparency.</summary>
    private static ImageFile Upright(byte[] rgba, int width, int height, int orientation)
    {
        var transposes = orientation >= 5;
        var (mirrorsX, mirrorsY) = (orientation is 2 or 3 or 7 or 8, orientation is 3 or 4 or 6 or 7);
        var (newWidth, newHeight) = transposes ? (height, width) : (width, height);
        var pixels = new byte[newWidth * newHeight * 3];
        for (var y = 0; y < newHeight; y++)
        {
            for (var x = 0; x < newWidth; x++)
            {
                var (fromX, fromY) = transposes ? (y, x) : (x, y);
                fromX = mirrorsX ? width - 1 - fromX : fromX;
                fromY = mirrorsY ? height - 1 - fromY : fromY;
                rgba.AsSpan(((fromY * width) + fromX) * 4, 3).CopyTo(pixels.AsSpan(((y * newWidth) + x) * 3));
            }
        }

        return new ImageFile(newWidth, newHeight, pixels);
    }
}

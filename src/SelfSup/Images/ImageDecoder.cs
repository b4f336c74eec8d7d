using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>Turns stored bytes into 8-bit RGB; here raw pixels only.</summary>
internal sealed class ImageDecoder(long maxPixels)
{
    /// <summary>Decodes an image.</summary>
    /// <exception cref="DataException">The bytes are no image.</exception>
    public void Decode(in StoredImage image, PixelImage into, string where)
    {
        var values = (long)image.RawWidth * image.RawHeight * image.RawChannels;
        if (values == 0 || values > 3 * maxPixels || image.Bytes.Length != values)
        {
            throw new DataException($"{where}: not an image; remove it or set data.onUnreadable: skip");
        }

        var pixels = into.Reset(image.RawWidth, image.RawHeight);
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = image.Bytes.Span[image.RawChannels == 3 ? i : i / 3];
        }
    }
}

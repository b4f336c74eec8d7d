using SelfSup.Images.Jpeg;

namespace SelfSup.Images;

/// <summary>Which decoder made an image of the stored bytes.</summary>
internal enum DecodedBy
{
    /// <summary>None: the bytes were pixels.</summary>
    Nothing,

    /// <summary>Our own JPEG decoder.</summary>
    SelfSup,

    /// <summary>The library, for all other formats and rare kinds of JPEG.</summary>
    SkiaSharp,

    /// <summary>The library that was asked for, for all formats.</summary>
    ImageSharp,
}

/// <summary>
/// An image that views are made of, in buffers that are reused from image to image: upright RGB pixels of all of it, or
/// the planes of a JPEG in a region of it. One worker owns it, beside the decoder that fills it.
/// </summary>
internal sealed class DecodedImage
{
    /// <summary>H, upright.</summary>
    public int Height { get; private set; }

    /// <summary>W, upright.</summary>
    public int Width { get; private set; }

    public DecodedBy By { get; private set; }

    /// <summary>All pixels, where <see cref="Planes"/> is null.</summary>
    public PixelImage Pixels { get; } = new();

    /// <summary>The JPEG whose components' planes hold the image; null where <see cref="Pixels"/> do.</summary>
    public JpegHeader? Planes { get; private set; }

    /// <summary>How the planes have to be turned to be upright.</summary>
    public Turn Turn { get; private set; }

    /// <summary>Where the image is, for messages.</summary>
    public ImageLocation Where { get; set; } = "";

    /// <summary>How many times smaller than the image the planes are: 1, 2, 4 or 8.</summary>
    public int Scale { get; set; } = 1;

    /// <summary>The image is in <see cref="Pixels"/>.</summary>
    public void SetPixels(DecodedBy by) =>
        (Planes, By, Height, Width, Turn, Scale) = (null, by, Pixels.Height, Pixels.Width, default, 1);

    /// <summary>The image is a JPEG of which a region will be decoded.</summary>
    public void BeginPlanes(JpegHeader jpeg)
    {
        (Planes, By, Turn, Scale) = (jpeg, DecodedBy.SelfSup, new Turn(jpeg.Orientation), 1);
        (Height, Width) = Turn.Transposes ? (jpeg.Width, jpeg.Height) : (jpeg.Height, jpeg.Width);
    }
}

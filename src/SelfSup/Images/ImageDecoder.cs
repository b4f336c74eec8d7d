using System.Runtime.CompilerServices;

using SelfSup.Errors;
using SelfSup.Images.Jpeg;

namespace SelfSup.Images;

/// <summary>
/// Decodes stored bytes: JPEG, PNG, WebP, BMP and the first frame of a GIF, or raw pixels. JPEG files are decoded by
/// <see cref="JpegDecoder"/>, for the region that is asked for; what it declines, and every other format, by a
/// library as a whole, SkiaSharp where no other is asked for. Values are what the file holds: no colour profile is
/// applied, and transparency is dropped without blending. One worker owns a decoder; it keeps buffers from image to
/// image and is not safe for several threads.
/// </summary>
internal sealed class ImageDecoder
{
    /// <summary>
    /// The largest limit a decoder can be given; beyond it offsets into the pixels no longer fit an int.
    /// </summary>
    public const long MostPixels = 500_000_000;

    /// <summary>What helps against an image that cannot be read.</summary>
    internal const string Remedy = "remove it or set data.onUnreadable: skip";

    /// <summary>
    /// Smaller images are always decoded as a whole, to RGB: choosing a region would cost more than it saves.
    /// </summary>
    public const int SmallPixels = 128 * 128;

    private readonly long _maxPixels;
    private readonly JpegDecoder _jpeg = new();
    private readonly JpegPixels _jpegPixels = new();
    private readonly PixelImage _upturned = new();
    private readonly IFileDecoder _library;
    private readonly bool _decodesJpeg;

    /// <param name="maxPixels">Images with more pixels are refused before memory for them is taken.</param>
    /// <param name="library">What decodes all files, JPEG files too; null for our own decoder and SkiaSharp.</param>
    public ImageDecoder(long maxPixels, ImageLibrary? library = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxPixels);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxPixels, MostPixels);
        _maxPixels = maxPixels;
        _decodesJpeg = library is null;
        _library = ImageLibraries.Create(library, maxPixels);
    }

    /// <summary>Decodes all of an image to upright RGB.</summary>
    /// <param name="image">What a source read.</param>
    /// <param name="into">Takes the pixels; after an error its content is undefined.</param>
    /// <param name="where">What the message of an error begins with, see <see cref="IImageSource.Locate"/>.</param>
    /// <returns>Which decoder made the pixels.</returns>
    /// <exception cref="DataException">The bytes are no image, a damaged, a truncated or a too large one.</exception>
    public DecodedBy Decode(StoredImage image, PixelImage into, ImageLocation where)
    {
        if (image.RawWidth != 0)
        {
            CopyRaw(image, into, where);
            return DecodedBy.Nothing;
        }

        if (ReadJpegHeader(image.Bytes.Span, where))
        {
            DecodeJpeg(image.Bytes.Span, into, where);
            return DecodedBy.SelfSup;
        }

        DecodeFile(image.Bytes, into, where);
        return _library.Name;
    }

    /// <summary>
    /// Begins an image whose region is not known yet: afterwards its size is, and small images and those of other
    /// formats are decoded. <see cref="Decode(StoredImage, Region, int, DecodedImage)"/> does the rest.
    /// </summary>
    /// <inheritdoc cref="Decode(StoredImage, PixelImage, ImageLocation)"/>
    public void Open(StoredImage image, DecodedImage into, ImageLocation where)
    {
        into.Where = where;
        if (image.RawWidth != 0 || !ReadJpegHeader(image.Bytes.Span, where))
        {
            into.SetPixels(Decode(image, into.Pixels, where));
        }
        else if (_jpeg.Header is { Color: not (JpegColor.Cmyk or JpegColor.Ycck) } header
            && (long)header.Width * header.Height > SmallPixels)
        {
            into.BeginPlanes(header);
        }
        else
        {
            DecodeJpeg(image.Bytes.Span, into.Pixels, where);
            into.SetPixels(DecodedBy.SelfSup);
        }
    }

    /// <summary>Decodes a region of the image that was opened last; nothing is left to do where all of it is there.</summary>
    /// <param name="image">The same image.</param>
    /// <param name="region">What is needed, in upright pixels.</param>
    /// <param name="scale">1, 2, 4 or 8, see <see cref="JpegDecoder.Decode"/>.</param>
    /// <param name="into">Takes the region.</param>
    /// <exception cref="DataException">The image is damaged or truncated.</exception>
    public void Decode(StoredImage image, Region region, int scale, DecodedImage into)
    {
        if (into.Planes is null)
        {
            return;
        }

        try
        {
            _jpeg.Decode(image.Bytes.Span, into.Turn.ToStored(region, into.Height, into.Width), scale);
            into.Scale = scale;
        }
        catch (JpegException e)
        {
            throw new DataException($"{into.Where}: this JPEG {e.Message}; {Remedy}", e);
        }
    }

    /// <summary>Whether the file is a JPEG for our own decoder; its header is read then.</summary>
    private bool ReadJpegHeader(ReadOnlySpan<byte> file, ImageLocation where)
    {
        if (!_decodesJpeg || EncodedImage.Format(file) != "JPEG")
        {
            return false;
        }

        try
        {
            if (!_jpeg.ReadHeader(file))
            {
                return false;
            }
        }
        catch (JpegException e)
        {
            throw new DataException($"{where}: this JPEG {e.Message}; {Remedy}", e);
        }

        CheckSize(_jpeg.Header.Width, _jpeg.Header.Height, where);
        return true;
    }

    private void DecodeJpeg(ReadOnlySpan<byte> file, PixelImage into, ImageLocation where)
    {
        var header = _jpeg.Header;
        var whole = new Region(0, 0, header.Height, header.Width);
        try
        {
            _jpeg.Decode(file, whole);
        }
        catch (JpegException e)
        {
            throw new DataException($"{where}: this JPEG {e.Message}; {Remedy}", e);
        }

        var turn = new Turn(header.Orientation);
        if (turn.IsNone)
        {
            _jpegPixels.Write(header, whole, into.Reset(header.Width, header.Height));
            return;
        }

        var stored = _upturned.Reset(header.Width, header.Height);
        _jpegPixels.Write(header, whole, stored);
        var (width, height) = turn.Transposes ? (header.Height, header.Width) : (header.Width, header.Height);
        turn.Copy(stored, header.Width, header.Height, 3, into.Reset(width, height));
    }

    private void CopyRaw(StoredImage image, PixelImage into, ImageLocation where)
    {
        CheckSize(image.RawWidth, image.RawHeight, where);
        var raw = image.Bytes.Span;
        var values = (long)image.RawWidth * image.RawHeight * image.RawChannels;
        if (image.RawChannels is not (1 or 3) || raw.Length != values)
        {
            throw new DataException(
                $"{where}: {raw.Length:N0} bytes of raw pixels, must be {values:N0} ({image.RawWidth} x "
                + $"{image.RawHeight} pixels of {image.RawChannels} channels); {Remedy}");
        }

        var pixels = into.Reset(image.RawWidth, image.RawHeight);
        if (image.RawChannels == 3)
        {
            raw.CopyTo(pixels);
            return;
        }

        for (var i = 0; i < raw.Length; i++)
        {
            pixels.Slice(3 * i, 3).Fill(raw[i]);
        }
    }

    private void DecodeFile(ReadOnlyMemory<byte> file, PixelImage into, ImageLocation where)
    {
        // Only known signatures reach the library: it also guesses at formats (WBMP, raw camera files) that have
        // none.
        if (EncodedImage.Format(file.Span) is not { } format)
        {
            var what = file.IsEmpty ? "is empty" : "not a JPEG, PNG, WebP, BMP or GIF";
            throw new DataException($"{where}: {what}; {Remedy}");
        }

        if (format == "JPEG" && JpegMarkers.HaveTooManyScans(file.Span))
        {
            throw new DataException($"{where}: this JPEG is damaged (more scans than encoders write); {Remedy}");
        }

        _library.Decode(file, format, into, where);
    }

    private void CheckSize(int width, int height, ImageLocation where) => CheckSize(width, height, _maxPixels, where);

    /// <summary>Refuses an image that is too large.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CheckSize(int width, int height, long maxPixels, ImageLocation where)
    {
        if ((long)width * height > maxPixels)
        {
            throw new DataException(
                $"{where}: {width} x {height} pixels, data.maxPixels allows {maxPixels:N0} pixels; "
                + "remove it, raise data.maxPixels or set data.onUnreadable: skip");
        }
    }
}

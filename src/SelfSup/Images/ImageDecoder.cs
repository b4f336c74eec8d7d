using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using SelfSup.Errors;

using SkiaSharp;

namespace SelfSup.Images;

/// <summary>
/// Turns stored bytes into upright 8-bit RGB: JPEG, PNG, WebP, BMP and the first frame of a GIF, or raw pixels.
/// Values are what the file holds: no colour profile is applied, and transparency is dropped without blending. One
/// worker owns a decoder; it keeps a buffer from image to image and is not safe for several threads at once.
/// </summary>
internal sealed unsafe class ImageDecoder
{
    /// <summary>
    /// The largest limit a decoder can be given; beyond it offsets into the pixels no longer fit an int.
    /// </summary>
    public const long MostPixels = 500_000_000;

    /// <summary>What is kept between images; the rare larger image gets memory of its own.</summary>
    private const int KeptScratchBytes = 64 << 20;

    private const string Remedy = "remove it or set data.onUnreadable: skip";

    private readonly long _maxPixels;
    private byte[] _scratch = [];

    /// <param name="maxPixels">Images with more pixels are refused before memory for them is taken.</param>
    public ImageDecoder(long maxPixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxPixels);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxPixels, MostPixels);
        _maxPixels = maxPixels;
    }

    /// <summary>Decodes an image.</summary>
    /// <param name="image">What a source read.</param>
    /// <param name="into">Takes the pixels; after an error its content is undefined.</param>
    /// <param name="where">What the message of an error begins with, see <see cref="IImageSource.Locate"/>.</param>
    /// <exception cref="DataException">The bytes are no image, a damaged, a truncated or a too large one.</exception>
    public void Decode(StoredImage image, PixelImage into, string where)
    {
        if (image.RawWidth != 0)
        {
            CopyRaw(image, into, where);
        }
        else
        {
            DecodeFile(image.Bytes, into, where);
        }
    }

    private void CopyRaw(StoredImage image, PixelImage into, string where)
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

    private void DecodeFile(ReadOnlyMemory<byte> file, PixelImage into, string where)
    {
        // Only known signatures reach the library: it also guesses at formats (WBMP, raw camera files) that have
        // none.
        if (EncodedImage.Format(file.Span) is not { } format)
        {
            var what = file.IsEmpty ? "is empty" : "not a JPEG, PNG, WebP, BMP or GIF";
            throw new DataException($"{where}: {what}; {Remedy}");
        }

        if (format == "JPEG" && JpegMarkers.AreCutOff(file.Span))
        {
            throw new DataException($"{where}: this JPEG is truncated; {Remedy}");
        }

        using var pin = file.Pin();
        using var data = SKData.Create((nint)pin.Pointer, file.Length);
        using var codec = SKCodec.Create(data)
            ?? throw new DataException($"{where}: the header of this {format} is damaged; {Remedy}");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        CheckSize(width, height, where);

        var bytes = checked((nuint)width * (nuint)height * 4);
        if (bytes > KeptScratchBytes)
        {
            var large = NativeMemory.Alloc(bytes);
            try
            {
                DecodePixels(codec, (byte*)large, into, format, where);
            }
            finally
            {
                NativeMemory.Free(large);
            }

            return;
        }

        if (_scratch.Length < (int)bytes)
        {
            _scratch = GC.AllocateUninitializedArray<byte>((int)bytes);
        }

        fixed (byte* scratch = _scratch)
        {
            DecodePixels(codec, scratch, into, format, where);
        }
    }

    private static void DecodePixels(SKCodec codec, byte* scratch, PixelImage into, string format, string where)
    {
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        // Without a colour space in the target nothing is converted; unpremultiplied, so that alpha can just be left
        // out.
        var target = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
        var result = codec.GetPixels(target, (nint)scratch, target.RowBytes, SKCodecOptions.Default);
        if (result != SKCodecResult.Success)
        {
            var what = result == SKCodecResult.IncompleteInput ? "is truncated" : $"is damaged ({result})";
            throw new DataException($"{where}: this {format} {what}; {Remedy}");
        }

        var origin = codec.EncodedOrigin;
        var swapped = origin >= SKEncodedOrigin.LeftTop;
        var pixels = into.Reset(swapped ? height : width, swapped ? width : height);
        Orientation.CopyUpright(new ReadOnlySpan<byte>(scratch, width * height * 4), width, height, origin, pixels);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckSize(int width, int height, string where)
    {
        if ((long)width * height > _maxPixels)
        {
            throw new DataException(
                $"{where}: {width} x {height} pixels, data.maxPixels allows {_maxPixels:N0} pixels; "
                + "remove it, raise data.maxPixels or set data.onUnreadable: skip");
        }
    }
}

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>What one thread needs to make rows of images.</summary>
internal sealed class PackWorker(IImageSource source, PackOptions options)
{
    private readonly SourceImage _image = new(source, options.Source.MaxPixels, PatientReader.UsualPauses);
    private readonly ImageEncoder? _encoder =
        options.ShortSide is { } shortSide ? new ImageEncoder(shortSide, options.Quality) : null;

    /// <summary>Reads, decodes and, where it is asked for, shrinks an image. Never throws for a bad image.</summary>
    public PackedImage Make(int index)
    {
        var name = source.Name(index);
        try
        {
            _image.Read(index);
            _image.Decode(index);
            return Encoded(index, name);
        }
        catch (DataException e)
        {
            return new PackedImage([], name, -1, e);
        }
    }

    private PackedImage Encoded(int index, string name)
    {
        var label = source.Label(index);
        if (_encoder is not null && Math.Min(_image.Pixels.Width, _image.Pixels.Height) > options.ShortSide)
        {
            return new(_encoder.Shrink(_image.Pixels, source.Locate(index)), Path.ChangeExtension(name, ".jpg"), label);
        }

        var stored = _image.Stored;
        if (stored.RawWidth != 0)
        {
            return new(ImageEncoder.Png(stored), Path.ChangeExtension(name, ".png"), label);
        }

        // A copy: the buffer is used again for the next image.
        return new(stored.Bytes.ToArray(), Path.HasExtension(name) ? name : name + Extension(stored), label);
    }

    private static string Extension(StoredImage file) => EncodedImage.Format(file.Bytes.Span) switch
    {
        "JPEG" => ".jpg",
        "PNG" => ".png",
        "WebP" => ".webp",
        "GIF" => ".gif",
        "BMP" => ".bmp",
        _ => "",
    };
}

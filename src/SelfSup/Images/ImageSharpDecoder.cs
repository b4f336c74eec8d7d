using SelfSup.Errors;

using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Metadata.Profiles.Exif;
using SixLabors.ImageSharp.PixelFormats;

namespace SelfSup.Images;

/// <summary>SixLabors.ImageSharp. Compiled only with the build property <c>ImageSharp=true</c>, see <see cref="ImageLibraries"/>.</summary>
/// <param name="maxPixels">Images with more pixels are refused.</param>
internal sealed class ImageSharpDecoder(long maxPixels) : IFileDecoder
{
    /// <summary>The formats of <see cref="EncodedImage"/> only, the first frame only, and on the worker's own thread.</summary>
    private static readonly DecoderOptions _options = new()
    {
        Configuration = new Configuration(
            new JpegConfigurationModule(), new PngConfigurationModule(), new WebpConfigurationModule(), new BmpConfigurationModule(),
            new GifConfigurationModule())
        {
            MaxDegreeOfParallelism = 1,
        },
        MaxFrames = 1,
    };

    private byte[] _stored = [];

    /// <inheritdoc/>
    public DecodedBy Name => DecodedBy.ImageSharp;

    /// <inheritdoc/>
    public void Decode(ReadOnlyMemory<byte> file, string format, PixelImage into, ImageLocation where)
    {
        // It fills what a cut-off file does not have with gray or black, and says nothing.
        if (FileEnds.IsCutOff(file.Span, format))
        {
            throw new DataException($"{where}: this {format} is truncated; {ImageDecoder.Remedy}");
        }

        try
        {
            var info = Image.Identify(_options, file.Span);
            ImageDecoder.CheckSize(info.Width, info.Height, maxPixels, where);
            using var image = Image.Load<Rgb24>(_options, file.Span);
            Copy(image, into);
        }
        catch (Exception e) when (e is not (SelfSupException or OutOfMemoryException))
        {
            // Damage reaches it in many ways, a null reference among them.
            throw new DataException($"{where}: this {format} is damaged ({e.Message.ReplaceLineEndings(" ")}); {ImageDecoder.Remedy}", e);
        }
    }

    private void Copy(Image<Rgb24> image, PixelImage into)
    {
        var turn = new Turn(OrientationOf(image));
        if (turn.IsNone)
        {
            image.CopyPixelDataTo(into.Reset(image.Width, image.Height));
            return;
        }

        var bytes = 3 * image.Width * image.Height;
        if (_stored.Length < bytes)
        {
            _stored = GC.AllocateUninitializedArray<byte>(bytes);
        }

        var stored = _stored.AsSpan(0, bytes);
        image.CopyPixelDataTo(stored);
        var pixels = turn.Transposes ? into.Reset(image.Height, image.Width) : into.Reset(image.Width, image.Height);
        turn.Copy(stored, image.Width, image.Height, 3, pixels);
    }

    private static int OrientationOf(Image image) =>
        image.Metadata.ExifProfile is { } exif && exif.TryGetValue(ExifTag.Orientation, out var value) && value.Value is >= 1 and <= 8
            ? value.Value
            : 1;
}

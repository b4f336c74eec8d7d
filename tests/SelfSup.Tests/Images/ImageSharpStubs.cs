// What ImageSharpDecoder uses of SixLabors.ImageSharp, with the signatures of its sources at tag v3.1.12: with these the decoder is
// compiled here in every build, also in those without the package. Nothing of it runs.
#pragma warning disable IDE0130 // namespaces are the library's
#pragma warning disable CA1822, IDE0060

using System.Diagnostics.CodeAnalysis;

using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Metadata;
using SixLabors.ImageSharp.PixelFormats;

namespace SixLabors.ImageSharp
{
    internal interface IImageFormatConfigurationModule;

    internal sealed class Configuration(params IImageFormatConfigurationModule[] configurationModules)
    {
        public IImageFormatConfigurationModule[] Modules { get; } = configurationModules;

        public int MaxDegreeOfParallelism { get; set; }
    }

    internal sealed class ImageInfo
    {
        public int Width => throw new NotSupportedException();

        public int Height => throw new NotSupportedException();
    }

    internal abstract class Image : IDisposable
    {
        public int Width => throw new NotSupportedException();

        public int Height => throw new NotSupportedException();

        public ImageMetadata Metadata => throw new NotSupportedException();

        public static ImageInfo Identify(DecoderOptions options, ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

        public static Image<TPixel> Load<TPixel>(DecoderOptions options, ReadOnlySpan<byte> buffer)
            where TPixel : unmanaged, IPixel<TPixel> => throw new NotSupportedException();

        public void Dispose() => throw new NotSupportedException();
    }

    internal sealed class Image<TPixel> : Image
        where TPixel : unmanaged, IPixel<TPixel>
    {
        public void CopyPixelDataTo(Span<byte> destination) => throw new NotSupportedException();
    }
}

namespace SixLabors.ImageSharp.Formats
{
    internal sealed class DecoderOptions
    {
        public Configuration Configuration { get; init; } = new();

        public uint MaxFrames { get; init; }
    }
}

namespace SixLabors.ImageSharp.Formats.Bmp
{
    internal sealed class BmpConfigurationModule : IImageFormatConfigurationModule;
}

namespace SixLabors.ImageSharp.Formats.Gif
{
    internal sealed class GifConfigurationModule : IImageFormatConfigurationModule;
}

namespace SixLabors.ImageSharp.Formats.Jpeg
{
    internal sealed class JpegConfigurationModule : IImageFormatConfigurationModule;
}

namespace SixLabors.ImageSharp.Formats.Png
{
    internal sealed class PngConfigurationModule : IImageFormatConfigurationModule;
}

namespace SixLabors.ImageSharp.Formats.Webp
{
    internal sealed class WebpConfigurationModule : IImageFormatConfigurationModule;
}

namespace SixLabors.ImageSharp.Metadata
{
    internal sealed class ImageMetadata
    {
        public Profiles.Exif.ExifProfile? ExifProfile { get; set; }
    }
}

namespace SixLabors.ImageSharp.Metadata.Profiles.Exif
{
    internal interface IExifValue<TValueType>
    {
        TValueType? Value { get; set; }
    }

    internal abstract class ExifTag
    {
        public static ExifTag<ushort> Orientation => throw new NotSupportedException();
    }

    internal sealed class ExifTag<TValueType> : ExifTag;

    internal sealed class ExifProfile
    {
        public bool TryGetValue<TValueType>(ExifTag<TValueType> tag, [NotNullWhen(true)] out IExifValue<TValueType>? exifValue) =>
            throw new NotSupportedException();
    }
}

namespace SixLabors.ImageSharp.PixelFormats
{
    internal interface IPixel<TSelf>;

    internal struct Rgb24 : IPixel<Rgb24>;
}

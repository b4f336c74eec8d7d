using System.Runtime.InteropServices;

using SelfSup.Errors;

using SkiaSharp;

namespace SelfSup.Images;

/// <summary>SkiaSharp.</summary>
/// <param name="maxPixels">Images with more pixels are refused.</param>
internal sealed unsafe class SkiaSharpDecoder(long maxPixels) : IFileDecoder
{
    /// <summary>What is kept between images; the rare larger image gets memory of its own.</summary>
    private const int KeptScratchBytes = 64 << 20;

    private byte[] _scratch = [];

    /// <inheritdoc/>
    public DecodedBy Name => DecodedBy.SkiaSharp;

    /// <inheritdoc/>
    public void Decode(ReadOnlyMemory<byte> file, string format, PixelImage into, ImageLocation where)
    {
        if (format == "JPEG" && JpegMarkers.AreCutOff(file.Span))
        {
            throw new DataException($"{where}: this JPEG is truncated; {ImageDecoder.Remedy}");
        }

        using var pin = file.Pin();
        using var data = SKData.Create((nint)pin.Pointer, file.Length);
        using var codec = SKCodec.Create(data)
            ?? throw new DataException($"{where}: the header of this {format} is damaged; {ImageDecoder.Remedy}");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        ImageDecoder.CheckSize(width, height, maxPixels, where);

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

    private static void DecodePixels(SKCodec codec, byte* scratch, PixelImage into, string format, ImageLocation where)
    {
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        // Without a colour space in the target nothing is converted; unpremultiplied, so that alpha can just be left
        // out.
        var target = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
        var result = codec.GetPixels(target, (nint)scratch, target.RowBytes, SKCodecOptions.Default);
        if (result != SKCodecResult.Success)
        {
            var what = result == SKCodecResult.IncompleteInput ? "is truncated" : $"is damaged ({result})";
            throw new DataException($"{where}: this {format} {what}; {ImageDecoder.Remedy}");
        }

        var turn = new Turn((int)codec.EncodedOrigin); // numbered as in EXIF
        var pixels = turn.Transposes ? into.Reset(height, width) : into.Reset(width, height);
        turn.Copy(new ReadOnlySpan<byte>(scratch, width * height * 4), width, height, 4, pixels);
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;

using SelfSup.Errors;
using SelfSup.Images;

using SkiaSharp;

namespace SelfSup.Datasets;

/// <summary>What one thread needs to find out about one image after another.</summary>
internal sealed unsafe class ImageExaminer(IImageSource source, InspectOptions options)
{
    /// <summary>Nearly every header fits, also with a preview and a colour profile in it.</summary>
    private const int HeadBytes = 64 << 10;

    private readonly SourceImage _image = new(source, options.Source.MaxPixels);

    /// <summary>Finds out about an image. Never throws for a bad image.</summary>
    public ImageFacts Examine(int index)
    {
        var facts = new ImageFacts();
        try
        {
            // Only a folder's images are files of which a part can be read.
            return options.Quick && source is FolderSource
                ? Head(index, HeadBytes) ?? Head(index, Array.MaxLength)!
                : Whole(index, ref facts);
        }
        catch (DataException e)
        {
            return facts with { Error = e };
        }
    }

    private ImageFacts Whole(int index, ref ImageFacts facts)
    {
        _image.Read(index);
        var stored = _image.Stored;
        facts = Describe(stored.Bytes.Span) with { Bytes = stored.Bytes.Length };
        if (stored.RawWidth != 0)
        {
            facts = facts with { Format = "raw", Jpeg = null };
        }

        if (options.Quick && stored.RawWidth == 0)
        {
            return Sized(facts, stored.Bytes.Span)
                ?? throw new DataException($"{source.Locate(index)}: the header of this {facts.Format ?? "file"} is damaged; remove it");
        }

        _image.Decode(index);
        facts = facts with { Width = _image.Pixels.Width, Height = _image.Pixels.Height };
        return options.Quick ? facts : facts with { Hash = Hash(stored.Bytes.Span), Means = Means(_image.Pixels.Pixels) };
    }

    /// <summary>Facts from the beginning of a file; null where the header goes on behind it.</summary>
    private ImageFacts? Head(int index, int most)
    {
        var path = source.Locate(index);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            var head = new byte[(int)Math.Min(file.Length, most)];
            file.ReadExactly(head);
            var facts = Describe(head) with { Bytes = file.Length };
            if (facts.Format is null)
            {
                var what = file.Length == 0 ? "is empty" : "not a JPEG, PNG, WebP, BMP or GIF";
                return facts with { Error = new DataException($"{path}: {what}; remove it") };
            }

            return Sized(facts, head) ?? (head.Length < file.Length
                ? null
                : facts with { Error = new DataException($"{path}: the header of this {facts.Format} is damaged; remove it") });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: this file cannot be read ({e.Message}); remove it", e);
        }
    }

    private static ImageFacts Describe(ReadOnlySpan<byte> file)
    {
        var format = EncodedImage.Format(file);
        return new ImageFacts { Format = format, Jpeg = format == "JPEG" ? JpegFrame.Find(file) : null };
    }

    private static ImageFacts? Sized(ImageFacts facts, ReadOnlySpan<byte> file)
    {
        fixed (byte* bytes = file)
        {
            using var data = SKData.Create((nint)bytes, file.Length);
            using var codec = facts.Format is null ? null : SKCodec.Create(data);
            return codec is null ? null
                : codec.EncodedOrigin >= SKEncodedOrigin.LeftTop ? facts with { Width = codec.Info.Height, Height = codec.Info.Width }
                : facts with { Width = codec.Info.Width, Height = codec.Info.Height };
        }
    }

    private static UInt128 Hash(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    private static (double[] Values, double[] Squares) Means(ReadOnlySpan<byte> pixels)
    {
        // Whole numbers: no order of summation can change the result.
        long red = 0, green = 0, blue = 0, redSquares = 0, greenSquares = 0, blueSquares = 0;
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            long r = pixels[i], g = pixels[i + 1], b = pixels[i + 2];
            (red, green, blue) = (red + r, green + g, blue + b);
            (redSquares, greenSquares, blueSquares) = (redSquares + (r * r), greenSquares + (g * g), blueSquares + (b * b));
        }

        var count = pixels.Length / 3;
        double Value(long sum) => sum / (255.0 * count);
        double Square(long sum) => sum / (255.0 * 255.0 * count);
        return ([Value(red), Value(green), Value(blue)], [Square(redSquares), Square(greenSquares), Square(blueSquares)]);
    }
}

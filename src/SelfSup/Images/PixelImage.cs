namespace SelfSup.Images;

/// <summary>
/// A decoded image in a buffer that is reused from image to image: 8-bit RGB, interleaved, rows top to bottom, upright
/// (EXIF orientation applied). One worker owns it; it grows to the largest image seen and never shrinks.
/// </summary>
internal sealed class PixelImage
{
    private byte[] _buffer = [];

    public int Width { get; private set; }

    public int Height { get; private set; }

    /// <summary>The pixels, [H, W, 3].</summary>
    public Span<byte> Pixels => _buffer.AsSpan(0, Width * Height * 3);

    /// <summary>Makes room for an image of the given size; the pixels are whatever was there before.</summary>
    public Span<byte> Reset(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        var length = checked(width * height * 3);
        if (_buffer.Length < length)
        {
            _buffer = GC.AllocateUninitializedArray<byte>(length);
        }

        (Width, Height) = (width, height);
        return Pixels;
    }
}

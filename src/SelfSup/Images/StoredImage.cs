using System.Numerics;

namespace SelfSup.Images;

/// <summary>
/// An image as its source holds it, in a buffer that is reused from image to image. One worker owns it. The buffer is
/// pinned for good, so that native decoders can be given its address.
/// </summary>
internal sealed class StoredImage
{
    /// <summary>What is kept between images; the rare larger image gets memory of its own.</summary>
    private const int KeptBytes = 64 << 20;

    private const int SmallestBuffer = 64 << 10;

    private byte[] _kept = [];
    private byte[] _content = [];
    private int _length;

    public StoredImage()
    {
    }

    /// <summary>A copy of the given bytes.</summary>
    /// <param name="bytes">The encoded file, or raw pixels where <paramref name="rawWidth"/> is set.</param>
    /// <param name="rawWidth">See <see cref="RawWidth"/>.</param>
    /// <param name="rawHeight">See <see cref="RawHeight"/>.</param>
    /// <param name="rawChannels">See <see cref="RawChannels"/>.</param>
    public StoredImage(ReadOnlySpan<byte> bytes, int rawWidth = 0, int rawHeight = 0, int rawChannels = 0) =>
        Take(bytes, rawWidth, rawHeight, rawChannels);

    /// <summary>The encoded file, or raw pixels where <see cref="RawWidth"/> is set; valid until the next image.</summary>
    public ReadOnlyMemory<byte> Bytes => _content.AsMemory(0, _length);

    /// <summary>Width of raw 8-bit pixels, 0 where the bytes are an encoded file.</summary>
    public int RawWidth { get; private set; }

    /// <summary>Height of raw 8-bit pixels, 0 where the bytes are an encoded file.</summary>
    public int RawHeight { get; private set; }

    /// <summary>1 for gray, 3 for interleaved RGB, 0 where the bytes are an encoded file.</summary>
    public int RawChannels { get; private set; }

    /// <summary>Makes room for an encoded file of the given length; the bytes are whatever was there before.</summary>
    public Span<byte> Reset(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > KeptBytes)
        {
            _content = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        }
        else
        {
            if (_kept.Length < length)
            {
                // Powers of two, so that the images of a data set do not make it grow a little again and again.
                var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(length, SmallestBuffer));
                _kept = GC.AllocateUninitializedArray<byte>(size, pinned: true);
            }

            _content = _kept;
        }

        (_length, RawWidth, RawHeight, RawChannels) = (length, 0, 0, 0);
        return _content.AsSpan(0, length);
    }

    /// <summary>Takes a copy of an image.</summary>
    /// <param name="bytes">The encoded file, or raw pixels where <paramref name="rawWidth"/> is set.</param>
    /// <param name="rawWidth">See <see cref="RawWidth"/>.</param>
    /// <param name="rawHeight">See <see cref="RawHeight"/>.</param>
    /// <param name="rawChannels">See <see cref="RawChannels"/>.</param>
    public void Take(ReadOnlySpan<byte> bytes, int rawWidth = 0, int rawHeight = 0, int rawChannels = 0)
    {
        bytes.CopyTo(Reset(bytes.Length));
        (RawWidth, RawHeight, RawChannels) = (rawWidth, rawHeight, rawChannels);
    }
}

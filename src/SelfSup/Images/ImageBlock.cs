using System.Runtime.InteropServices;

namespace SelfSup.Images;

/// <summary>Where an image lies in its block.</summary>
/// <param name="Offset">Its first byte.</param>
/// <param name="Length">How many; -1 where a row has no image.</param>
internal readonly record struct ImagePlace(int Offset, int Length)
{
    public static ImagePlace None { get; } = new(0, -1);
}

/// <summary>
/// The encoded images of neighbouring rows in one buffer, which goes back to <see cref="BlockBuffers"/> when the block
/// is displaced.
/// </summary>
/// <param name="buffers">Where its memory comes from.</param>
internal sealed class ImageBlock(BlockBuffers buffers)
{
    private byte[] _content = [];
    private byte[] _places = [];

    /// <summary>Where the memory comes from, also what is needed only while images are read.</summary>
    public BlockBuffers Buffers { get; } = buffers;

    /// <summary>Makes room for the images' bytes; they are whatever was there before.</summary>
    public Span<byte> ResetContent(int length)
    {
        Buffers.Replace(ref _content, length);
        return _content.AsSpan(0, length);
    }

    /// <summary>Makes room for the images' places.</summary>
    public Span<ImagePlace> ResetPlaces(int rows)
    {
        Buffers.Replace(ref _places, PlacesLength(rows));
        return Places[..rows];
    }

    /// <summary>Bytes of the places of so many rows.</summary>
    public static int PlacesLength(int rows) => checked(rows * 8);

    /// <summary>Copies an image; false where the row has none.</summary>
    public bool TryRead(int row, StoredImage into)
    {
        var place = Places[row];
        if (place.Length < 0)
        {
            return false;
        }

        into.Take(_content.AsSpan(place.Offset, place.Length));
        return true;
    }

    /// <summary>Gives the memory back.</summary>
    public void Free()
    {
        Buffers.Replace(ref _content, 0);
        Buffers.Replace(ref _places, 0);
    }

    private Span<ImagePlace> Places => MemoryMarshal.Cast<byte, ImagePlace>(_places.AsSpan());
}

namespace SelfSup.Images;

/// <summary>
/// Small images in decoded form, by their index in a source: a data set of small images is decoded once and not in every
/// epoch. When the budget is used up, what is there stays and no more is added. Safe for several threads.
/// </summary>
/// <param name="count">M, the images of the source.</param>
/// <param name="budget">Bytes that may be kept.</param>
internal sealed class DecodedCache(int count, long budget)
{
    private const int SlabBytes = 16 << 20;
    private const int LongestSide = 255;

    private readonly Lock _gate = new();
    private readonly List<byte[]> _slabs = [];
    private long[]? _places; // offset in all slabs + 1, then height and width in a byte each; 0 for none
    private byte[][] _readable = [];
    private long _used;

    /// <summary>Bytes that are kept.</summary>
    public long Bytes => Interlocked.Read(ref _used);

    /// <summary>Gets an image; false where it is not kept.</summary>
    public bool TryGet(int index, PixelImage into)
    {
        if (_places is not { } places || Volatile.Read(ref places[index]) is not (> 0 and var place))
        {
            return false;
        }

        var (height, width) = ((int)(place >> 8) & 0xFF, (int)place & 0xFF);
        var offset = (place >> 16) - 1;
        var slab = Volatile.Read(ref _readable)[offset / SlabBytes];
        slab.AsSpan((int)(offset % SlabBytes), 3 * height * width).CopyTo(into.Reset(width, height));
        return true;
    }

    /// <summary>Keeps an image, if it is small and there is room. An image that is kept already is not kept again.</summary>
    public void Add(int index, PixelImage image)
    {
        var length = 3 * image.Height * image.Width;
        if (image.Height > LongestSide || image.Width > LongestSide || length > 3 * ImageDecoder.SmallPixels)
        {
            return;
        }

        lock (_gate)
        {
            _places ??= new long[count];
            var offset = _used;
            if ((offset % SlabBytes) + length > SlabBytes)
            {
                offset += SlabBytes - (offset % SlabBytes); // an image lies in one slab
            }

            if (_places[index] != 0 || offset + length > budget)
            {
                return;
            }

            var slab = (int)(offset / SlabBytes);
            if (slab == _slabs.Count)
            {
                _slabs.Add(GC.AllocateUninitializedArray<byte>((int)Math.Min(SlabBytes, budget - ((long)slab * SlabBytes))));
                Volatile.Write(ref _readable, [.. _slabs]);
            }

            image.Pixels.CopyTo(_slabs[slab].AsSpan((int)(offset % SlabBytes)));
            Volatile.Write(ref _places[index], ((offset + 1) << 16) | ((long)image.Height << 8) | (long)image.Width);
            Interlocked.Exchange(ref _used, offset + length);
        }
    }
}

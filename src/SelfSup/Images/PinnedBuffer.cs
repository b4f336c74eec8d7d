namespace SelfSup.Images;

/// <summary>
/// Memory that is reused from image to image and has a fixed address, at the begin of a cache line: vectors that reach
/// over two lines cost twice. It grows to what was asked for; what is larger
/// than <see cref="KeptBytes"/> is given back by <see cref="Trim"/>, so that one huge image does not stay in memory.
/// </summary>
internal sealed unsafe class PinnedBuffer<T>
    where T : unmanaged
{
    /// <summary>What is kept between images.</summary>
    public const int KeptBytes = 64 << 20;

    private const int CacheLine = 64;

    private T[] _array = [];
    private long _length;

    /// <summary>The first element; valid until the next <see cref="Reserve"/> or <see cref="Trim"/>.</summary>
    public T* Pointer { get; private set; }

    /// <summary>Makes room. What was there before is lost where the memory has to grow.</summary>
    public T* Reserve(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (_length < length)
        {
            (_array, _length) = ([], 0); // before the new memory is taken
            // A quarter more, so that a slow sequence of ever larger images does not allocate for each.
            var room = Math.Max(length, Math.Min((length * 5 / 4) + 64, Array.MaxLength - CacheLine));
            _array = GC.AllocateUninitializedArray<T>(checked((int)room + (CacheLine / sizeof(T))), pinned: true);
            fixed (T* first = _array)
            {
                Pointer = (T*)(((nint)first + CacheLine - 1) & -CacheLine);
            }

            _length = room;
        }

        return Pointer;
    }

    /// <summary>The first elements of what is reserved.</summary>
    public Span<T> Span(int length) => new(Pointer, length);

    /// <summary>Gives back memory beyond what is kept.</summary>
    public void Trim()
    {
        if ((long)_array.Length * sizeof(T) > KeptBytes)
        {
            (_array, _length) = ([], 0);
            Pointer = null;
        }
    }
}

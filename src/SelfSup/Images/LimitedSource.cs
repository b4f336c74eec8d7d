namespace SelfSup.Images;

/// <summary>The first images of another source, which it owns.</summary>
internal sealed class LimitedSource : IImageSource
{
    private readonly IImageSource _source;

    /// <param name="source">Disposed with this one.</param>
    /// <param name="limit">How many images; all where the source has fewer.</param>
    public LimitedSource(IImageSource source, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        _source = source;
        Count = Math.Min(limit, source.Count);
        BlockStarts = [.. source.BlockStarts.TakeWhile(start => start < Count)];
    }

    public int Count { get; }

    public IReadOnlyList<string> ClassNames => _source.ClassNames;

    public IReadOnlyList<int> BlockStarts { get; }

    public int WindowBlocks => _source.WindowBlocks;

    public long CacheBytes => _source.CacheBytes;

    /// <summary>Those of all images: the limit is a setting of its own.</summary>
    public SourceFiles Files => _source.Files;

    public int Label(int index) => _source.Label(Checked(index));

    public void Read(int index, StoredImage into) => _source.Read(Checked(index), into);

    public string Locate(int index) => _source.Locate(Checked(index));

    public int Row(int index) => _source.Row(Checked(index));

    public string Name(int index) => _source.Name(Checked(index));

    public string Address(int index) => _source.Address(Checked(index));

    public void Dispose() => _source.Dispose();

    private int Checked(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        return index;
    }
}

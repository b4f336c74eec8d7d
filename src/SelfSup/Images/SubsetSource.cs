namespace SelfSup.Images;

/// <summary>Some images of another source, which it owns, in that source's order.</summary>
internal sealed class SubsetSource : IImageSource
{
    private readonly IImageSource _source;
    private readonly int[] _indices;
    private readonly int[] _places;

    /// <param name="source">Disposed with this one.</param>
    /// <param name="indices">Which of its images, ascending; at least one.</param>
    /// <param name="classes">The labels of the classes that are kept, ascending; the places among them become labels.</param>
    public SubsetSource(IImageSource source, int[] indices, IReadOnlyList<int> classes)
    {
        ArgumentOutOfRangeException.ThrowIfZero(indices.Length, nameof(indices));
        (_source, _indices) = (source, indices);
        _places = Places(source, classes);
        ClassNames = [.. classes.Select(label => source.ClassNames[label])];
        BlockStarts = Blocks(source.BlockStarts, indices);
    }

    public int Count => _indices.Length;

    /// <inheritdoc/>
    /// <remarks>Only the classes that are kept.</remarks>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    /// <remarks>Those of the blocks of which an image is kept.</remarks>
    public IReadOnlyList<int> BlockStarts { get; }

    public int WindowBlocks => _source.WindowBlocks;

    public long CacheBytes => _source.CacheBytes;

    /// <summary>Those of all images: what is kept of them is a setting of its own.</summary>
    public SourceFiles Files => _source.Files;

    public int Label(int index) => _source.Label(_indices[index]) is >= 0 and var label ? _places[label] : -1;

    public void Read(int index, StoredImage into) => _source.Read(_indices[index], into);

    public string Locate(int index) => _source.Locate(_indices[index]);

    public int Row(int index) => _source.Row(_indices[index]);

    public string Name(int index) => _source.Name(_indices[index]);

    public string Address(int index) => _source.Address(_indices[index]);

    public void Dispose() => _source.Dispose();

    /// <summary>What a label of the source becomes, -1 where its class is left out.</summary>
    private static int[] Places(IImageSource source, IReadOnlyList<int> classes)
    {
        var places = new int[source.ClassNames.Count];
        Array.Fill(places, -1);
        for (var i = 0; i < classes.Count; i++)
        {
            places[classes[i]] = i;
        }

        return places;
    }

    private static List<int> Blocks(IReadOnlyList<int> starts, int[] indices)
    {
        var blocks = new List<int>();
        var place = 0;
        for (var block = 0; block < starts.Count && place < indices.Length; block++)
        {
            var end = block + 1 < starts.Count ? starts[block + 1] : int.MaxValue;
            if (indices[place] < end)
            {
                blocks.Add(place);
                var next = Array.BinarySearch(indices, place, indices.Length - place, end);
                place = next >= 0 ? next : ~next;
            }
        }

        return blocks;
    }
}

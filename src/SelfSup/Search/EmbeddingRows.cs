namespace SelfSup.Search;

/// <summary>Rows that will be a row group.</summary>
/// <param name="width">D.</param>
/// <param name="capacity">How many rows there is room for.</param>
internal sealed class EmbeddingRows(int width, int capacity)
{
    private readonly float[] _values = new float[(long)width * capacity];
    private readonly List<long> _ids = new(capacity);
    private readonly List<string> _paths = new(capacity);
    private readonly List<int> _labels = new(capacity);

    /// <summary>How many there are.</summary>
    public int Count => _ids.Count;

    /// <summary>The number of each image among all that its source's files hold.</summary>
    public IReadOnlyList<long> Ids => _ids;

    /// <summary>Where each image is, see <see cref="Images.IImageSource.Address"/>.</summary>
    public IReadOnlyList<string> Paths => _paths;

    /// <summary>The label of each image, or -1.</summary>
    public IReadOnlyList<int> Labels => _labels;

    /// <summary>The embeddings, [rows, D].</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, width * Count);

    /// <summary>Adds a row.</summary>
    public void Add(long id, string path, int label, ReadOnlySpan<float> embedding)
    {
        embedding.CopyTo(_values.AsSpan(width * Count, width));
        _ids.Add(id);
        _paths.Add(path);
        _labels.Add(label);
    }

    /// <summary>Drops all rows.</summary>
    public void Clear()
    {
        _ids.Clear();
        _paths.Clear();
        _labels.Clear();
    }
}

namespace SelfSup.Evaluation;

/// <summary>What was found for a query, the nearest first. Valid while a <see cref="NeighbourVisitor"/> runs.</summary>
internal readonly ref struct Neighbours(ReadOnlySpan<ulong> keys, ReadOnlySpan<int> places, int bytes, double squaredLength)
{
    private readonly ReadOnlySpan<ulong> _keys = keys;

    /// <summary>Places in the bank.</summary>
    public ReadOnlySpan<int> Places { get; } = places;

    /// <summary>The cosine with a neighbour, or its Euclidean distance with a minus: the larger, the nearer.</summary>
    public double Similarity(int rank)
    {
        var value = KeySort.ValueOf(_keys[rank], bytes);
        // |q - b|^2 = |q|^2 - 2 (q . b - |b|^2 / 2)
        return double.IsNaN(squaredLength) ? value : -Math.Sqrt(Math.Max(0, squaredLength - (2 * value)));
    }
}

/// <summary>Is shown what was found for a query; on several threads at once, each query by one of them.</summary>
/// <param name="query">Which of the queries.</param>
/// <param name="found">Its neighbours.</param>
internal delegate void NeighbourVisitor(int query, Neighbours found);

namespace SelfSup.Datasets;

/// <summary>How often each value came up; images have few different sizes.</summary>
internal sealed class ValueCounts
{
    private readonly SortedDictionary<int, int> _counts = [];
    private int _total;

    public void Add(int value)
    {
        _counts[value] = _counts.GetValueOrDefault(value) + 1;
        _total++;
    }

    /// <summary>The smallest, the middle and the largest value; null before the first.</summary>
    public ValueRange? Range()
    {
        if (_total == 0)
        {
            return null;
        }

        var below = 0;
        var median = _counts.First(entry => (below += entry.Value) > (_total - 1) / 2).Key;
        return new ValueRange(_counts.Keys.First(), median, _counts.Keys.Last());
    }
}

/// <summary>Where values lie; the lower of the two middle ones is the median.</summary>
internal sealed record ValueRange(int Min, int Median, int Max);

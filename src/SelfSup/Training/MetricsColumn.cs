namespace SelfSup.Training;

/// <summary>A column of <c>metrics.parquet</c>, of the rows of one group.</summary>
internal sealed class MetricsColumn
{
    private readonly List<double> _values = [];
    private readonly List<int> _levels = [];

    /// <summary>The values that are there.</summary>
    public double[] Values => [.. _values];

    /// <summary>Sets a row's value; rows come in order.</summary>
    public void Set(int row, double value)
    {
        if (_levels.Count == row + 1)
        {
            _values[^1] = value; // several lines of a step have its epoch
            return;
        }

        Pad(row);
        _levels.Add(1);
        _values.Add(value);
    }

    /// <summary>Of so many rows, 1 where there is a value and 0 where there is none.</summary>
    public int[] Levels(int rows)
    {
        Pad(rows);
        return [.. _levels];
    }

    private void Pad(int rows)
    {
        while (_levels.Count < rows)
        {
            _levels.Add(0);
        }
    }
}

namespace SelfSup.Training;

/// <summary>A column of <c>metrics.parquet</c>, of the rows of one group.</summary>
internal sealed class MetricsColumn
{
    private double[] _values = new double[1024];
    private int[] _levels = new int[1024];
    private int _count;
    private int _rows;

    /// <summary>Whether it has no value.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>The values that are there.</summary>
    public ReadOnlyMemory<double> Values => _values.AsMemory(0, _count);

    /// <summary>Sets a row's value; rows come in order.</summary>
    public void Set(int row, double value)
    {
        if (_rows == row + 1 && _levels[row] == 1)
        {
            _values[_count - 1] = value; // several lines of a step have its epoch
            return;
        }

        Pad(row + 1);
        _levels[row] = 1;
        if (_count == _values.Length)
        {
            Array.Resize(ref _values, 2 * _count);
        }

        _values[_count++] = value;
    }

    /// <summary>Of so many rows, 1 where there is a value and 0 where there is none.</summary>
    public ReadOnlyMemory<int> Levels(int rows)
    {
        Pad(rows);
        return _levels.AsMemory(0, rows);
    }

    /// <summary>Drops all values.</summary>
    public void Clear() => (_count, _rows) = (0, 0);

    private void Pad(int rows)
    {
        if (rows > _levels.Length)
        {
            Array.Resize(ref _levels, Math.Max(rows, 2 * _levels.Length));
        }

        if (rows > _rows)
        {
            Array.Clear(_levels, _rows, rows - _rows);
            _rows = rows;
        }
    }
}

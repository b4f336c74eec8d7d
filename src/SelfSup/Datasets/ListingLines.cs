namespace SelfSup.Datasets;

/// <summary>The lines on which rows begin. Most rows follow the one before, so only where they do not is kept.</summary>
internal sealed class ListingLines
{
    private readonly List<int> _rows = [];
    private readonly List<int> _lines = [];

    /// <summary>The line of a row that was noted, from 1.</summary>
    public int this[int row]
    {
        get
        {
            var place = _rows.BinarySearch(row);
            place = place >= 0 ? place : ~place - 1;
            return _lines[place] + row - _rows[place];
        }
    }

    /// <summary>Notes the next row.</summary>
    public void Add(int row, int line)
    {
        if (_rows.Count == 0 || this[row] != line)
        {
            _rows.Add(row);
            _lines.Add(line);
        }
    }
}

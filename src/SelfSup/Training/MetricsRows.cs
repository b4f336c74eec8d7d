using System.Text.Json;

namespace SelfSup.Training;

/// <summary>
/// Lines of <c>metrics.jsonl</c> as rows: all lines of a step are one. It is filled again and again, and makes hardly any garbage: that
/// would have the collector run in the middle of steps.
/// </summary>
internal sealed class MetricsRows
{
    private const int LongestName = 400;

    private readonly Dictionary<string, MetricsColumn> _columns = [];
    private readonly Dictionary<string, MetricsColumn>.AlternateLookup<ReadOnlySpan<char>> _byName;
    private readonly char[] _name = new char[LongestName];
    private long[] _steps = new long[1024];

    public MetricsRows() => _byName = _columns.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>The step of each.</summary>
    public ReadOnlyMemory<long> Steps => _steps.AsMemory(0, Count);

    /// <summary>The names of the other columns that have a value.</summary>
    public IEnumerable<string> Names => _columns.Where(column => !column.Value.IsEmpty).Select(column => column.Key);

    /// <summary>The column of a name; null where no line has had it.</summary>
    public MetricsColumn? Column(string name) => _columns.GetValueOrDefault(name);

    /// <summary>Drops all rows.</summary>
    public void Clear()
    {
        Count = 0;
        foreach (var column in _columns.Values)
        {
            column.Clear();
        }
    }

    /// <summary>The step of a line; null where it is none of a step, or half a one.</summary>
    public static long? StepOf(ReadOnlySpan<byte> line)
    {
        try
        {
            long? step = null;
            var json = new Utf8JsonReader(line);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }

            while (json.Read())
            {
                if (json.CurrentDepth == 1 && json.TokenType == JsonTokenType.PropertyName && json.ValueTextEquals("step"u8)
                    && json.Read() && json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var number))
                {
                    step = number;
                }
            }

            return step;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Whether a step's line belongs to the newest row.</summary>
    public bool GoesOn(long step) => Count > 0 && _steps[Count - 1] == step;

    /// <summary>Takes in a step's line; the numbers of an object in it are columns named <c>object_number</c>.</summary>
    /// <param name="step">Its step.</param>
    /// <param name="line">The line, whole.</param>
    public void Add(long step, ReadOnlySpan<byte> line)
    {
        if (!GoesOn(step))
        {
            if (Count == _steps.Length)
            {
                Array.Resize(ref _steps, 2 * Count);
            }

            _steps[Count++] = step;
        }

        var json = new Utf8JsonReader(line);
        _ = json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var isStep = json.ValueTextEquals("step"u8);
            var length = Name(ref json, 0);
            _ = json.Read();
            if (json.TokenType != JsonTokenType.StartObject)
            {
                Set(ref json, isStep ? 0 : length);
                continue;
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var whole = length == 0 ? 0 : Name(ref json, length + 1);
                _ = json.Read();
                Set(ref json, whole);
            }
        }
    }

    /// <summary>Puts the name that the reader is at behind what is there.</summary>
    /// <returns>Where it ends; 0 where it is too long for a name.</returns>
    private int Name(ref Utf8JsonReader json, int begin)
    {
        if (begin + json.ValueSpan.Length > LongestName)
        {
            return 0;
        }

        if (begin > 0)
        {
            _name[begin - 1] = '_';
        }

        return begin + json.CopyString(_name.AsSpan(begin));
    }

    /// <summary>Takes in the value that the reader is at, if it is a number and has a name.</summary>
    private void Set(ref Utf8JsonReader json, int length)
    {
        double? number = json.TokenType switch
        {
            JsonTokenType.Number => json.GetDouble(),
            JsonTokenType.String when json.ValueTextEquals("NaN"u8) => double.NaN,
            JsonTokenType.String when json.ValueTextEquals("Infinity"u8) => double.PositiveInfinity,
            JsonTokenType.String when json.ValueTextEquals("-Infinity"u8) => double.NegativeInfinity,
            _ => null,
        };
        json.Skip();
        if (length == 0 || number is not { } there)
        {
            return;
        }

        var name = _name.AsSpan(0, length);
        if (!_byName.TryGetValue(name, out var column))
        {
            _columns.Add(name.ToString(), column = new MetricsColumn());
        }

        column.Set(Count - 1, there);
    }
}

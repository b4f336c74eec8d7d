using System.Text.Json;

namespace SelfSup.Training;

/// <summary>Lines of <c>metrics.jsonl</c> as rows: all lines of a step are one.</summary>
internal sealed class MetricsRows
{
    private const string Step = "step";

    private readonly List<long> _steps = [];

    /// <summary>How many there are.</summary>
    public int Count => _steps.Count;

    /// <summary>The step of each.</summary>
    public long[] Steps => [.. _steps];

    /// <summary>The other columns by name.</summary>
    public Dictionary<string, MetricsColumn> Columns { get; } = [];

    /// <summary>The step of a line; null where it is none of a step.</summary>
    public static long? StepOf(JsonElement line) =>
        line.ValueKind == JsonValueKind.Object && line.TryGetProperty(Step, out var step) && step.TryGetInt64(out var number) ? number : null;

    /// <summary>Whether a step's line belongs to the newest row.</summary>
    public bool GoesOn(long step) => _steps is [.., var newest] && newest == step;

    /// <summary>Takes in a step's line; the numbers of an object in it are columns named <c>object_number</c>.</summary>
    public void Add(long step, JsonElement line)
    {
        if (!GoesOn(step))
        {
            _steps.Add(step);
        }

        foreach (var property in line.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Object)
            {
                foreach (var inner in property.Value.EnumerateObject())
                {
                    Set($"{property.Name}_{inner.Name}", inner.Value);
                }
            }
            else if (property.Name != Step)
            {
                Set(property.Name, property.Value);
            }
        }
    }

    private void Set(string name, JsonElement value)
    {
        double? number = value.ValueKind switch
        {
            JsonValueKind.Number => value.GetDouble(),
            JsonValueKind.String => value.GetString() switch
            {
                "NaN" => double.NaN,
                "Infinity" => double.PositiveInfinity,
                "-Infinity" => double.NegativeInfinity,
                _ => null,
            },
            _ => null,
        };
        if (number is { } there)
        {
            if (!Columns.TryGetValue(name, out var column))
            {
                Columns.Add(name, column = new MetricsColumn());
            }

            column.Set(Count - 1, there);
        }
    }
}

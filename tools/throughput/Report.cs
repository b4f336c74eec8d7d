using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SelfSup.Tools.Throughput;

/// <summary>The result goes to stdout, what is happening to stderr.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions _format = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // versions such as 0.1.0+1a2b stay readable
    };

    public static void Print(JsonObject result) => Console.WriteLine(result.ToJsonString(_format));

    public static void Progress(string what) => Console.Error.WriteLine(what);

    /// <summary>A number with the digits that mean something.</summary>
    public static double Rounded(double value) => Math.Round(value, value < 100 ? 3 : 1);

    /// <summary>One number for each name.</summary>
    public static JsonObject Table(IEnumerable<(string Name, double Value)> values) =>
        new(values.Select(entry => KeyValuePair.Create(entry.Name, (JsonNode?)Rounded(entry.Value))));

    /// <summary>The value in the middle, the mean of the two in the middle of an even number.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

namespace SelfSup.Cli;

/// <summary>A text as it stands between the commas of a CSV file.</summary>
internal static class CsvCell
{
    public static string Of(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>A table that fits a terminal; aligned columns, a row a line, in a pipe.</summary>
internal static class TextTable
{
    /// <summary>Prints a table.</summary>
    /// <param name="head">The columns' names.</param>
    /// <param name="rows">The cells of each row.</param>
    /// <param name="foldsLast">Whether in a terminal the last column lies below the one before it.</param>
    public static void Print(string[] head, IEnumerable<string[]> rows, bool foldsLast)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            string[][] lines = [head, .. rows];
            var widths = head.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
            foreach (var line in lines)
            {
                Console.WriteLine(string.Join("  ", line.Select((text, column) => text.PadRight(widths[column]))).TrimEnd());
            }

            return;
        }

        var table = new Table().Border(TableBorder.Simple);
        foreach (var name in foldsLast ? head[..^1] : head)
        {
            table.AddColumn(new TableColumn(Markup.Escape(name)) { NoWrap = name == head[0] });
        }

        foreach (var row in rows)
        {
            table.AddRow(foldsLast
                ? [.. row[..^2].Select(Markup.Escape), Markup.Escape($"{row[^2]}\n{row[^1]}")]
                : [.. row.Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
    }
}

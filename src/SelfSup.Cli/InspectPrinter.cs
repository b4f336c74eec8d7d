using System.Globalization;

using SelfSup.Datasets;

using Spectre.Console;

namespace SelfSup.Cli;

/// <summary>Prints what an inspection found, for people.</summary>
internal static class InspectPrinter
{
    private const int MostClasses = 20;
    private const int MostUnreadable = 20;
    private const int BarWidth = 24;

    /// <summary>Wide enough for every name; a pipe has no edge at which a line would have to break.</summary>
    private const int PipeWidth = 1000;

    public static void Print(InspectReport report)
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = PipeWidth;
        }

        static void Fact(string name, string value) => Console.WriteLine($"{name,-12}{value}");
        Fact("source", $"{report.Kind}, {report.Path}");
        if (report.RowGroups is { } groups)
        {
            Fact("files", $"{Number(report.Files)}, {Number(groups)} row groups");
        }

        Fact("images", $"{Number(report.Images)}, {Sizes.Bytes(report.Bytes)}{(report.Quick ? " (headers only)" : "")}");
        Fact("formats", report.Formats.Count == 0 ? "none that is known" : Joined(report.Formats));
        if (report.Jpeg is { } jpeg)
        {
            Fact("JPEG", $"{Number(jpeg.Progressive)} progressive, {Number(jpeg.Gray)} gray, {Number(jpeg.Cmyk)} CMYK" +
                (jpeg.Sampling.Count > 0 ? $"; colours {Joined(jpeg.Sampling)}" : ""));
        }

        if (report.Width is { } width && report.Height is { } height)
        {
            Fact("width", $"{width.Min} to {width.Max}, median {width.Median}");
            Fact("height", $"{height.Min} to {height.Max}, median {height.Median}");
        }

        if (report.Mean is { } mean && report.StandardDeviation is { } deviation)
        {
            Fact("mean", $"{Channels(mean)}");
            Fact("deviation", $"{Channels(deviation)}  (for normalize; every image counts the same)");
        }

        if (report.Duplicates is { } duplicates)
        {
            Fact("duplicates", duplicates == 0 ? "none" : $"{Number(duplicates)} with the bytes of an earlier image");
        }

        if (report.RowsWithoutImage > 0)
        {
            Fact("no image", $"{Number(report.RowsWithoutImage)} rows");
        }

        Fact("unreadable", report.Unreadable.Count == 0 ? report.Quick ? "none by their headers" : "none" : Number(report.Unreadable.Count));
        Histogram(
            "megapixels",
            [.. report.Megapixels.Select(bin => (Interval(bin), bin.Images, true))]);
        Histogram("class", Classes(report));
        Unreadable(report);
    }

    private static (string Name, int Images, bool HasBar)[] Classes(InspectReport report)
    {
        var ordered = report.Classes.OrderByDescending(c => c.Images).ToArray();
        var rest = ordered.Skip(MostClasses).ToArray();
        return
        [
            .. ordered.Take(MostClasses).Select(c => (c.Name, c.Images, true)),
            .. rest.Length > 0 ? [($"{Number(rest.Length)} other classes", rest.Sum(c => c.Images), false)] : Array.Empty<(string, int, bool)>(),
            .. report.Unlabelled > 0 ? [("without label", report.Unlabelled, false)] : Array.Empty<(string, int, bool)>(),
        ];
    }

    private static void Histogram(string title, (string Name, int Images, bool HasBar)[] rows)
    {
        if (rows.Length == 0)
        {
            return;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumn(title).AddColumn(new TableColumn("images").RightAligned()).AddColumn("");
        var most = Math.Max(1, rows.Max(row => row.HasBar ? row.Images : 0));
        foreach (var (name, images, hasBar) in rows)
        {
            var bar = hasBar ? (int)Math.Ceiling((double)BarWidth * images / most) : 0;
            table.AddRow(new Text(name), new Text(Number(images)), new Text(new string('█', bar)));
        }

        AnsiConsole.Write(table);
    }

    private static void Unreadable(InspectReport report)
    {
        foreach (var image in report.Unreadable.Take(MostUnreadable))
        {
            Console.WriteLine($"unreadable: {image.Where}: {image.Reason}");
        }

        if (report.Unreadable.Count > MostUnreadable)
        {
            Console.WriteLine($"unreadable: {Number(report.Unreadable.Count - MostUnreadable)} more, all of them with --json");
        }
    }

    private static string Joined(IReadOnlyDictionary<string, int> counts) =>
        string.Join(", ", counts.Select(entry => $"{Number(entry.Value)} {entry.Key}"));

    private static string Channels(IReadOnlyList<double> values) =>
        $"[{string.Join(", ", values.Select(value => value.ToString("0.000", CultureInfo.InvariantCulture)))}]";

    private static string Number(int value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Interval(MegapixelBin bin) =>
        bin.To is { } to ? $"{Plain(bin.From)} to {Plain(to)}" : $"{Plain(bin.From)} and more";

    private static string Plain(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}

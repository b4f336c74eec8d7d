using System.Security.Cryptography;
using System.Text;

using static SelfSup.Reports.ReportText;

namespace SelfSup.Reports;

/// <summary>
/// The page of a report: one file that needs nothing else and asks nobody for anything, for light and dark screens and for paper. Its
/// policy lets no script run but the ones in it, by their hashes.
/// </summary>
/// <param name="runs">The runs, in the order in which they were named.</param>
/// <param name="atlases">Pictures of the points of maps.</param>
/// <param name="at">When it is made.</param>
internal sealed class ReportPage(IReadOnlyList<ReportedRun> runs, IReadOnlyDictionary<string, Atlas> atlases, DateTimeOffset at)
{
    private readonly List<(string Title, MapFinding Map)> _maps = [];

    /// <summary>Writes the page.</summary>
    public void Write(Stream destination)
    {
        // What a style or script element holds begins and ends with a line break, which its hash is of too.
        var style = $"\n{ReportAssets.Text(ReportAssets.ChartStyle)}\n{ReportAssets.Text(ReportAssets.Page)}\n{ReportAssets.Text(ReportAssets.ReportStyle)}\n";
        var script = $"\n{ReportAssets.Text(ReportAssets.ChartLibrary)}\n{ReportAssets.Text(ReportAssets.Charts)}\n{ReportAssets.Text(ReportAssets.Report)}\n";
        var title = runs.Count == 1 ? runs[0].Name : $"{runs.Count} runs: {string.Join(", ", runs.Select(run => run.Name))}";
        using var page = new StreamWriter(destination, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
        page.WriteLine("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
        page.WriteLine(
            $"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src '{Hash(style)}'; script-src '{Hash(script)}'; "
            + "worker-src blob:; base-uri 'none'; form-action 'none'\">");
        page.WriteLine($"<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>{Escaped(title)}</title>");
        page.WriteLine($"<style>{style}</style>\n</head>\n<body>");
        Head(page, title);
        Curves(page);
        foreach (var (run, index) in runs.Select((run, index) => (run, index)))
        {
            Run(page, run, index);
        }

        page.WriteLine($"</main>\n<footer><p>Made {Time(at)} UTC by SelfSup {Escaped(Training.RunIdentity.Version)}. Curves: uPlot (MIT). UMAP: umap-js (Apache-2.0).</p></footer>");
        page.WriteLine($"<script type=\"application/json\" id=\"curves-data\">{ReportData.Curves(runs)}</script>");
        page.WriteLine($"<script type=\"application/json\" id=\"maps-data\">{ReportData.Maps(_maps, atlases)}</script>");
        // Whoever gets a copy of them gets their licences.
        var licences = ReportAssets.Text(ReportAssets.ChartLicence);
        if (_maps.Count > 0)
        {
            licences += ReportAssets.Text(ReportAssets.UmapLicence);
            page.WriteLine($"<script type=\"text/plain\" id=\"umap\">{ReportAssets.Text(ReportAssets.Umap)}</script>");
        }

        page.WriteLine($"<script type=\"text/plain\" id=\"licences\">{licences}</script>");
        page.WriteLine($"<script>{script}</script>\n</body>\n</html>");
    }

    private static string Hash(string content) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}";

    private void Head(TextWriter page, string title)
    {
        page.WriteLine("<a class=\"skip\" href=\"#content\">To the content</a>\n<header class=\"bar\"><span class=\"brand\">SelfSup report</span><nav aria-label=\"Contents\">");
        page.WriteLine(runs.Count == 1
            ? "<a href=\"#curves\">Curves</a><a href=\"#views-0\">Views</a><a href=\"#neighbours-0\">Nearest images</a><a href=\"#map-0\">Map</a>"
                + "<a href=\"#confusion-0\">Confusion</a><a href=\"#history-0\">History</a><a href=\"#settings-0\">Settings</a>"
            : "<a href=\"#results\">Results</a><a href=\"#differences\">Differing settings</a><a href=\"#curves\">Curves</a>"
                + string.Concat(runs.Select((one, index) => $"<a href=\"#run-{index}\"><i class=\"key\" data-run=\"{ReportTables.Colour(index)}\"></i>{Escaped(one.Name)}</a>")));
        page.WriteLine("</nav><span class=\"end\"><button type=\"button\" id=\"theme\"></button></span></header>\n<main id=\"content\">");
        page.WriteLine($"<div class=\"head\"><h1>{Escaped(title)}</h1>");
        if (runs is [var run])
        {
            page.WriteLine($"<p class=\"muted\">{Subtitle(run)}</p></div>");
            Facts(page, run);
            return;
        }

        page.WriteLine($"<p class=\"muted\">{Escaped(string.Join(", ", runs.Select(one => one.Record.Method).Distinct()))}</p></div>");
        page.WriteLine("<div class=\"pair\">");
        Part(page, "results", "Results", "The best of each measure is bold.", () => ReportTables.Results(page, runs));
        var differences = SettingDifferences.Of([.. runs.Select(one => one.Record.Settings)]);
        Part(page, "differences", "Differing settings", differences.Count == 0 ? "There are none." : "All others are alike.", () =>
        {
            if (differences.Count > 0)
            {
                ReportTables.Differences(page, runs, differences);
            }
        });
        page.WriteLine("</div>");
    }

    private static string Subtitle(ReportedRun run) => string.Join(" · ", new[]
    {
        $"<span class=\"state {ReportTables.State(run)}\">{ReportTables.State(run)}</span>" + (run.Record.Summary.Reason is { Length: > 0 } reason ? $" {Escaped(reason)}" : ""),
        Escaped(run.Record.Method),
        Escaped(run.Record.Settings.GetValueOrDefault("encoder.backbone")),
        Escaped(run.Record.Settings.GetValueOrDefault("data.path") is { } path ? Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) : null),
        run.Record.Summary.Began == default ? "" : $"began {Time(run.Record.Summary.Began)} UTC",
        Escaped(run.Text("host")),
        Escaped(run.Text("device")),
    }.Where(text => text.Length > 0));

    private static void Facts(TextWriter page, ReportedRun run)
    {
        page.WriteLine("<dl class=\"facts\">");
        foreach (var (measure, value) in run.Judged)
        {
            Fact(Name(measure), Percent(value), run.Untrained(measure) is { } untrained ? $"untrained {Percent(untrained)}" : "");
        }

        if (run.Findings.Confusion.Value is { } probe)
        {
            Fact("Linear probe", Percent(probe.Report.Top1), "quick, of this report");
        }

        Fact("Loss", Number(run.Record.Summary.Loss), "");
        Fact("Epochs", Number(Math.Round(run.Record.Summary.Epoch, 2)), $"{ReportTables.Steps(run)} steps");
        Fact("Images/s", Number(run.ImagesPerSecond), "");
        Fact("Time", Duration(run.Seconds), run.Record.Pace?.Remaining is { } left ? $"{Duration(left.TotalSeconds)} left" : "");
        if (run.Number("skippedSteps") is > 0 and var skipped)
        {
            Fact("Steps left out", Number(skipped), "");
        }

        page.WriteLine("</dl>");
        Warnings(page, run);

        void Fact(string name, string value, string note) =>
            page.WriteLine($"<div><dt>{Escaped(name)}</dt><dd>{Escaped(value)}{(note.Length > 0 ? $"<br><small>{Escaped(note)}</small>" : "")}</dd></div>");
    }

    private static void Warnings(TextWriter page, ReportedRun run)
    {
        if (run.Record.Warnings.Count > 0)
        {
            page.WriteLine("<ul class=\"notes\">" + string.Concat(run.Record.Warnings.Select(warning =>
                $"<li>{Escaped(warning.Message)}{(warning.Step is { } step ? $" (step {Number(step)})" : "")}</li>")) + "</ul>");
        }
    }

    private void Curves(TextWriter page)
    {
        page.WriteLine("<div id=\"curves\"></div>");
        if (runs.All(run => run.Metrics.Curves.Count == 0))
        {
            Missing(page, "There are no curves: no step has been written down yet (metrics.jsonl).");
        }
    }

    private void Run(TextWriter page, ReportedRun run, int index)
    {
        var findings = run.Findings;
        if (runs.Count > 1)
        {
            page.WriteLine($"<section class=\"run\" id=\"run-{index}\"><h2><i class=\"key\" data-run=\"{ReportTables.Colour(index)}\"></i>{Escaped(run.Name)}</h2><p class=\"note\">{Subtitle(run)}</p>");
            Warnings(page, run);
        }

        var level = runs.Count > 1 ? 3 : 2;
        var of = findings.Of == Evaluation.Representation.Features ? "the backbone's features" : "the head's embeddings";
        Section("views", "Views", "Training images and what the network sees of them, with the random numbers of the run's first epochs.", findings.Views, ReportPictures.Views);
        Section(
            "neighbours",
            "Nearest images",
            $"Each row: an image and the 8 nearest of {findings.Sample}, by the cosine of {of}. Below each stand the cosine and the distance at unit length"
            + (findings.Neighbours.Value?.Agreement is { } agreement
                ? $"; framed are those of the same class. Over all images {Percent(agreement)} of the 8 nearest are of the same class." : "."),
            findings.Neighbours,
            ReportPictures.Neighbours);
        Section(
            "map",
            "Map",
            findings.Map.Value is { } map
                ? $"Points: {findings.Sample}, {of} at unit length. PCA shows {Percent(map.Components.Shares.Take(2).Sum())} of their variance; UMAP, computed in this page at demand, "
                + "begins with " + FormattableString.Invariant($"{map.Components.Coordinates[0].Length} components, which hold {Percent(map.Components.Shares.Sum())}.")
                : "",
            findings.Map,
            (writer, found) => Map(writer, run, found));
        Section(
            "confusion",
            "Confusion",
            findings.Confusion.Value is { } probe
                ? $"A quick linear probe on the backbone's features: {Percent(probe.Report.Top1)} of {Number(probe.Report.Images)} images are right. It learned from "
                + $"{Number(probe.TrainingImages)} images: {probe.Settings}. selfsup linear-probe judges with more care. "
                + (probe.Report.Classes.Count > ConfusionFinding.MostClasses
                    ? "The pairs that are mistaken most." : "Rows: true class. Columns: what was predicted. Numbers of images; shades are shares of a row.")
                : "",
            findings.Confusion,
            ReportTables.Confusion);
        Part(page, $"history-{index}", "History", "", () =>
        {
            if (run.Record.Summary.History.Count == 0)
            {
                Missing(page, "Nothing has been written down (history.jsonl).");
            }
            else
            {
                ReportTables.History(page, run.Record.Summary.History);
            }
        }, level);
        Part(page, $"settings-{index}", "Settings", "The recipe with every default filled in" + (findings.Card is null ? "." : "; what exports of the network say of it stands first."), () =>
            ReportTables.Settings(page, run.Record.Settings, findings), level);
        if (runs.Count > 1)
        {
            page.WriteLine("</section>");
        }

        void Section<T>(string id, string title, string note, Finding<T> finding, Action<TextWriter, T> write)
            where T : class => Part(page, $"{id}-{index}", title, finding.Value is null ? "" : note, () =>
            {
                if (finding.Value is { } found)
                {
                    write(page, found);
                }
                else
                {
                    Missing(page, finding.Missing!);
                }
            }, level);
    }

    private void Map(TextWriter page, ReportedRun run, MapFinding map)
    {
        page.WriteLine($"<figure class=\"map\" data-map=\"{_maps.Count}\">");
        _maps.Add(($"Map of {run.Name}", map));
        if (run.Findings.Neighbours.Value is { ByClass.Count: > 0 and <= ConfusionFinding.MostClasses } neighbours)
        {
            ReportTables.Classes(page, neighbours);
        }

        page.WriteLine("</figure>");
    }

    // The level is that of its heading: 3 within a run of several.
    private static void Part(TextWriter page, string id, string title, string note, Action content, int level = 2)
    {
        page.WriteLine($"<section class=\"part\" id=\"{id}\"><h{level}>{Escaped(title)}</h{level}>");
        if (note.Length > 0)
        {
            page.WriteLine($"<p class=\"note\">{Escaped(note)}</p>");
        }

        content();
        page.WriteLine("</section>");
    }

    private static void Missing(TextWriter page, string why) => page.WriteLine($"<p class=\"missing\">{Escaped(why)}</p>");
}

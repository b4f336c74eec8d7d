using SelfSup.Export;
using SelfSup.Training;

using static SelfSup.Reports.ReportText;

namespace SelfSup.Reports;

/// <summary>The parts of a report that are tables.</summary>
internal static class ReportTables
{
    private const int Colours = 8;
    private const int Shades = 6;
    private const int MostPairs = 20;
    private const int MostEvents = 400;

    /// <summary>What the runs came to, a column each.</summary>
    public static void Results(TextWriter page, IReadOnlyList<ReportedRun> runs)
    {
        page.WriteLine("<div class=\"scroll\"><table class=\"data\"><thead><tr><td></td>");
        page.WriteLine(string.Concat(runs.Select((run, index) => $"<th scope=\"col\" class=\"number\"><i class=\"key\" data-run=\"{Colour(index)}\"></i>{Escaped(run.Name)}</th>")));
        page.WriteLine("</tr></thead><tbody>");
        Row("State", run => State(run));
        Row("Method", run => run.Record.Method);
        foreach (var measure in runs.SelectMany(run => run.Judged.Keys).Distinct())
        {
            double?[] values = [.. runs.Select(run => run.Judged.TryGetValue(measure, out var value) ? (double?)value : null)];
            Cells(Name(measure), [.. values.Select(value => Percent(value))], [.. values.Select(value => values.Distinct().Count() > 1 && value is not null && value == values.Max())]);
            if (runs.Any(run => run.Untrained(measure) is not null))
            {
                Row($"{Name(measure)}, untrained", run => Percent(run.Untrained(measure)));
            }
        }

        if (runs.Any(run => run.Findings.Confusion.Value is not null))
        {
            Row("Linear probe of this report", run => Percent(run.Findings.Confusion.Value?.Report.Top1));
        }

        if (runs.Any(run => run.Findings.Neighbours.Value?.Agreement is not null))
        {
            Row("Of 8 nearest, same class", run => Percent(run.Findings.Neighbours.Value?.Agreement));
        }

        Row("Loss", run => Number(run.Record.Summary.Loss));
        Row("Epochs", run => Number(Math.Round(run.Record.Summary.Epoch, 2)));
        Row("Steps", Steps);
        Row("Images/s", run => Number(run.ImagesPerSecond));
        Row("Time", run => Duration(run.Seconds));
        page.WriteLine("</tbody></table></div>");

        void Row(string name, Func<ReportedRun, string> value) => Cells(name, [.. runs.Select(value)], new bool[runs.Count]);

        void Cells(string name, string[] values, bool[] isBest) => page.WriteLine(
            $"<tr><th scope=\"row\">{Escaped(name)}</th>"
            + string.Concat(values.Zip(isBest, (value, best) => $"<td class=\"number{(best && values.Length > 1 ? " best" : "")}\">{Escaped(value)}</td>")) + "</tr>");
    }

    /// <summary>In which settings runs differ.</summary>
    public static void Differences(TextWriter page, IReadOnlyList<ReportedRun> runs, IReadOnlyList<SettingDifferences> differences)
    {
        page.WriteLine("<div class=\"scroll\"><table class=\"data\"><thead><tr><th scope=\"col\">setting</th>");
        page.WriteLine(string.Concat(runs.Select((run, index) => $"<th scope=\"col\"><i class=\"key\" data-run=\"{Colour(index)}\"></i>{Escaped(run.Name)}</th>")));
        page.WriteLine("</tr></thead><tbody>");
        foreach (var difference in differences)
        {
            page.WriteLine(
                $"<tr><th scope=\"row\"><code>{Escaped(difference.Key)}</code></th>"
                + string.Concat(difference.Values.Select(value => $"<td>{Escaped(value)}</td>")) + "</tr>");
        }

        page.WriteLine("</tbody></table></div>");
    }

    /// <summary>What is mistaken for what: a matrix, or the pairs that are mistaken most.</summary>
    public static void Confusion(TextWriter page, ConfusionFinding found)
    {
        var report = found.Report;
        if (report.Notes.Count > 0)
        {
            page.WriteLine($"<ul class=\"notes\">{string.Concat(report.Notes.Select(note => $"<li>{Escaped(note)}</li>"))}</ul>");
        }

        if (report.Classes.Count > ConfusionFinding.MostClasses)
        {
            page.WriteLine("<div class=\"scroll\"><table class=\"data\"><thead><tr><th scope=\"col\">class</th><th scope=\"col\">taken for</th>"
                + "<th scope=\"col\" class=\"number\">images</th><th scope=\"col\" class=\"number\">of the class</th></tr></thead><tbody>");
            foreach (var pair in found.Mistaken(MostPairs))
            {
                page.WriteLine($"<tr><th scope=\"row\">{Escaped(pair.Truth)}</th><td>{Escaped(pair.Predicted)}</td><td class=\"number\">{pair.Images}</td><td class=\"number\">{Percent(pair.Share)}</td></tr>");
            }

            page.WriteLine("</tbody></table></div>");
            return;
        }

        page.WriteLine("<div class=\"scroll\"><table class=\"confusion\"><thead><tr><td></td>");
        page.WriteLine(string.Concat(report.Classes.Select(c => $"<th scope=\"col\">{Escaped(c.Name)}</th>")) + "<th scope=\"col\">right</th></tr></thead><tbody>");
        for (var truth = 0; truth < report.Classes.Count; truth++)
        {
            var (name, images, accuracy) = (report.Classes[truth].Name, report.Classes[truth].Images, report.Classes[truth].Accuracy);
            page.Write($"<tr><th scope=\"row\">{Escaped(name)}</th>");
            for (var predicted = 0; predicted < report.Classes.Count; predicted++)
            {
                var count = report.Confusion[truth][predicted];
                var share = images == 0 ? 0 : (double)count / images;
                page.Write($"<td class=\"h{Shade(share)}{(truth == predicted ? " right" : "")}\" title=\"{Percent(share)} of {Escaped(name)}\">{count}</td>");
            }

            page.WriteLine($"<td class=\"sum\">{Percent(accuracy)}</td></tr>");
        }

        page.WriteLine("</tbody></table></div>");
    }

    /// <summary>The classes as neighbours see them: what a map shows, in numbers.</summary>
    public static void Classes(TextWriter page, NeighboursFinding found)
    {
        page.WriteLine("<div class=\"numbers scroll\"><table class=\"data\"><thead><tr><th scope=\"col\">class</th><th scope=\"col\" class=\"number\">images</th>"
            + "<th scope=\"col\" class=\"number\">8 nearest: of it</th><th scope=\"col\">of others mostly</th></tr></thead><tbody>");
        foreach (var row in found.ByClass)
        {
            page.WriteLine($"<tr><th scope=\"row\">{Escaped(row.Name)}</th><td class=\"number\">{row.Images}</td><td class=\"number\">{Percent(row.Share)}</td>"
                + $"<td>{(row.Other is null ? "" : $"{Escaped(row.Other)}, {Percent(row.OtherShare)}")}</td></tr>");
        }

        page.WriteLine("</tbody></table></div>");
    }

    /// <summary>What happened to a run.</summary>
    public static void History(TextWriter page, IReadOnlyList<RunEvent> history)
    {
        page.WriteLine("<div class=\"scroll\"><table class=\"data\"><thead><tr><th scope=\"col\">UTC</th><th scope=\"col\">what</th>"
            + "<th scope=\"col\" class=\"number\">step</th><th scope=\"col\">details</th></tr></thead><tbody>");
        // The beginning and the end say most of a run that went through very much.
        var left = Math.Max(0, history.Count - MostEvents);
        foreach (var (happened, place) in history.Select((happened, place) => (happened, place)))
        {
            if (place >= MostEvents / 2 && place < (MostEvents / 2) + left)
            {
                if (place == MostEvents / 2)
                {
                    page.WriteLine($"<tr><td></td><td colspan=\"3\">{left} more</td></tr>");
                }

                continue;
            }

            page.WriteLine($"<tr><td class=\"when\">{Time(happened.At)}</td><th scope=\"row\">{Escaped(Words(happened.Event))}</th><td class=\"number\">{Number(happened.Step)}</td>"
                + $"<td class=\"wide\">{Escaped(Details(happened))}</td></tr>");
        }

        page.WriteLine("</tbody></table></div>");
    }

    /// <summary>Every setting, section by section.</summary>
    /// <param name="page">The page.</param>
    /// <param name="settings">The settings by their paths.</param>
    /// <param name="findings">What is known of the network.</param>
    public static void Settings(TextWriter page, IReadOnlyDictionary<string, string> settings, RunFindings findings)
    {
        page.WriteLine("<div class=\"settings\">");
        if (findings.Card is { } card)
        {
            page.WriteLine("<div><h4>model card</h4><dl>");
            foreach (var (key, value) in card.Metadata().Where(fact => fact.Key is not (ModelCard.RecipeKey or ModelCard.ClassesKey)).Prepend(new("weights", findings.Origin!)))
            {
                page.WriteLine($"<div><dt>{Escaped(key.Replace("selfsup.", "", StringComparison.Ordinal))}</dt><dd>{Escaped(value)}</dd></div>");
            }

            page.WriteLine("</dl></div>");
        }

        foreach (var section in settings.GroupBy(setting => setting.Key.Split('.', '[')[0]))
        {
            page.WriteLine($"<div><h4>{Escaped(section.Key)}</h4><dl>");
            foreach (var (key, value) in section)
            {
                var rest = key.Length > section.Key.Length ? key[section.Key.Length..].TrimStart('.') : key;
                page.WriteLine($"<div><dt>{Escaped(rest)}</dt><dd>{Escaped(value)}</dd></div>");
            }

            page.WriteLine("</dl></div>");
        }

        page.WriteLine("</div>");
    }

    /// <summary>The colour of a run, which its curves have too.</summary>
    public static int Colour(int run) => run % Colours;

    /// <summary>How a run stands, in words.</summary>
    public static string State(ReportedRun run) => run.Record.Summary.State.ToString().ToLowerInvariant();

    /// <summary>How far it is.</summary>
    public static string Steps(ReportedRun run) => run.Record.Summary is var summary && summary.TotalSteps > summary.Step
        ? $"{Number(summary.Step)} of {Number(summary.TotalSteps)}"
        : Number(summary.Step);

    private static int Shade(double share) => share <= 0 ? 0 : Math.Clamp((int)Math.Ceiling(share * 1.25 * Shades), 1, Shades);

    private static string Words(RunEventKind kind) => Name(kind.ToString());

    private static string Details(RunEvent happened) => string.Join("; ", new[]
    {
        happened.Message,
        happened.Key is { } key ? $"{key} was {happened.Was}, is {happened.Is}" : null,
        happened.Signal,
        happened.ExitCode is { } code ? $"exit code {code}" : null,
        happened.Rank is { } rank ? $"rank {rank}" : null,
        happened.Ranks is { } ranks ? $"{ranks} ranks" : null,
        happened.Exact switch { true => "goes on bit for bit", false => "equal up to rounding", null => null },
        happened.Host is { } host ? $"process {happened.Process} on {host}" : null,
        happened.Versions is { } versions ? string.Join(", ", versions.Select(version => $"{version.Key} {version.Value}")) : null,
    }.OfType<string>());
}

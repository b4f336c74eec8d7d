using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SelfSup.Reports;

/// <summary>What the scripts of a page draw, as JSON that is safe in a page.</summary>
internal static class ReportData
{
    /// <summary>Points of a curve where there is one run; several share them.</summary>
    public const int MostPoints = 2000;
    private const int FewestPoints = 500;
    private const int MostTogether = 6000;

    // Curves that stand first, in this order; the others of each group follow as they come.
    private static readonly string[] _first =
    [
        "loss", "learningRate", "imagesPerSecond", "gradientNorm", "dataWaitSeconds", "stepSeconds",
        "embeddings.alignment", "embeddings.uniformity", "embeddings.effectiveRank", "embeddings.standardDeviation",
    ];

    /// <summary>Points of a curve, for so many runs.</summary>
    public static int PointsFor(int runs) => Math.Clamp(MostTogether / runs, FewestPoints, MostPoints);

    /// <summary>All charts of some runs, in the order in which they stand in the page.</summary>
    public static IReadOnlyList<ReportChart> Charts(IReadOnlyList<ReportedRun> runs) =>
    [
        .. from key in runs.SelectMany(run => run.Metrics.Curves.Keys).Distinct()
           let place = Array.IndexOf(_first, key)
           orderby GroupOf(key), place < 0 ? int.MaxValue : place
           let series = runs
               .Select((run, index) => (Index: index, Curve: run.Metrics.Curves.GetValueOrDefault(key)))
               .Where(pair => pair.Curve is not null)
               .Select(pair => new ReportSeries(pair.Index, pair.Curve!))
               .ToArray()
           where series.Any(one => one.Steps.Count > 0)
           select new ReportChart(key, GroupOf(key), ReportText.Name(key[(key.IndexOf('.', StringComparison.Ordinal) + 1)..]), ReportedRun.IsShare(key), series),
    ];

    /// <summary>Charts for the page's script.</summary>
    public static string Json(IReadOnlyList<ReportedRun> runs, IReadOnlyList<ReportChart> charts) => JsonSerializer.Serialize(
        new
        {
            runs = runs.Select(run => run.Name),
            charts = charts.Select(chart => new
            {
                chart.Key,
                chart.Title,
                chart.IsShare,
                series = chart.Series.Select(series => new { series.Run, series.Steps, series.Values }),
            }),
        },
        _json);

    /// <summary>Maps for the page's script.</summary>
    public static string Json(IReadOnlyList<(string Title, MapFinding Map)> maps, IReadOnlyDictionary<string, Atlas> atlases)
    {
        // Keys are paths of the machine that made the report, which is nobody's business.
        string[] keys = [.. atlases.Keys];
        return JsonSerializer.Serialize(
            new
            {
                maps = maps.Select(map => Map(map.Title, map.Map, keys)),
                atlases = keys.Select(key => atlases[key]),
            },
            _json);
    }

    // Escapes what could end the element that it stands in.
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web);

    private static object Map(string title, MapFinding map, string[] keys)
    {
        var components = map.Components.Coordinates;
        var width = components[0].Length;
        var largest = components.Max(point => point.Max(Math.Abs));
        var scale = largest > 0 ? largest / short.MaxValue : 1;
        short[] values = [.. components.SelectMany(point => point.Select(value => (short)MathF.Round(value / scale)))];
        return new
        {
            title,
            count = components.Length,
            width,
            scale = double.Parse(scale.ToString("r", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            components = Convert.ToBase64String(MemoryMarshal.AsBytes<short>(values)),
            map.Labels,
            map.Classes,
            map.Names,
            atlas = map.Pictures is { } key ? Array.IndexOf(keys, key) : -1,
        };
    }

    private static ReportGroup GroupOf(string key) => key.Split('.')[0] switch
    {
        "evaluation" => ReportGroup.Evaluation,
        "embeddings" => ReportGroup.Embeddings,
        "method" => ReportGroup.Method,
        _ => ReportGroup.Training,
    };
}

/// <summary>A chart of a page.</summary>
/// <param name="Key">The name of the curve in <c>metrics.jsonl</c>.</param>
/// <param name="Group">What it belongs to.</param>
/// <param name="Title">Its name.</param>
/// <param name="IsShare">Whether its values are shares, 0 .. 1.</param>
/// <param name="Series">A line for each run that has it.</param>
internal sealed record ReportChart(string Key, ReportGroup Group, string Title, bool IsShare, IReadOnlyList<ReportSeries> Series);

/// <summary>What charts are of, in the order of the page.</summary>
internal enum ReportGroup
{
    /// <summary>What the run is judged by.</summary>
    Evaluation,

    /// <summary>Loss, rate, speed.</summary>
    Training,

    /// <summary>The embedding space.</summary>
    Embeddings,

    /// <summary>What the method says of itself.</summary>
    Method,
}

/// <summary>A line of a chart.</summary>
internal sealed class ReportSeries
{
    /// <param name="run">Which run's.</param>
    /// <param name="curve">Its values.</param>
    public ReportSeries(int run, Curve curve)
    {
        var points = curve.Points();
        Run = run;
        Steps = [.. points.Select(point => point.Step)];
        Values = [.. points.Select(point => point.Value is { } value ? Shortened(value) : (double?)null)];
    }

    /// <summary>Which run's.</summary>
    public int Run { get; }

    /// <summary>Steps, rising.</summary>
    public IReadOnlyList<long> Steps { get; }

    /// <summary>The value at each; null where it was no number.</summary>
    public IReadOnlyList<double?> Values { get; }

    /// <summary>Five digits: a screen shows less.</summary>
    private static double Shortened(double value) => double.Parse(value.ToString("g5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SelfSup.Reports;

/// <summary>What the scripts of a page draw, as JSON that is safe in a page.</summary>
internal static class ReportData
{
    // Escapes what could end the element that it stands in.
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web);

    /// <summary>Points of a curve where there is one run; several share them.</summary>
    public const int MostPoints = 2000;
    private const int FewestPoints = 500;
    private const int MostTogether = 6000;

    /// <summary>Points of a curve, for so many runs.</summary>
    public static int PointsFor(int runs) => Math.Clamp(MostTogether / runs, FewestPoints, MostPoints);

    /// <summary>Curves for the page's script: <c>[{ name, series: { loss: { x, y } } }]</c>.</summary>
    public static string Curves(IReadOnlyList<ReportedRun> runs) => JsonSerializer.Serialize(
        runs.Select(run => new
        {
            run.Name,
            series = run.Metrics.Curves.ToDictionary(curve => curve.Key, curve => Line(curve.Value.Points())),
        }),
        _json);

    /// <summary>Maps for the page's script.</summary>
    public static string Maps(IReadOnlyList<(string Title, MapFinding Map)> maps, IReadOnlyDictionary<string, Atlas> atlases)
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
            scale,
            components = Convert.ToBase64String(MemoryMarshal.AsBytes<short>(values)),
            map.Labels,
            map.Classes,
            map.Names,
            atlas = map.Pictures is { } key ? Array.IndexOf(keys, key) : -1,
        };
    }

    private static object Line(IReadOnlyList<CurvePoint> points) => new
    {
        x = points.Select(point => point.Step),
        y = points.Select(point => point.Value is { } value ? Shortened(value) : (double?)null),
    };

    /// <summary>Six digits: a screen shows less.</summary>
    private static double Shortened(double value) => double.Parse(value.ToString("g6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

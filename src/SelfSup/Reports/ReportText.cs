using System.Globalization;
using System.Net;

namespace SelfSup.Reports;

/// <summary>How a page says things. Whatever comes from a run's files passes through <see cref="Escaped"/>.</summary>
internal static class ReportText
{
    /// <summary>Text that is no markup, in an element or a quoted attribute.</summary>
    public static string Escaped(string? text) => WebUtility.HtmlEncode(text ?? "");

    /// <summary>A number as people read it: four digits that count, thousands apart.</summary>
    public static string Number(double? value) => value switch
    {
        null => "–",
        { } number when !double.IsFinite(number) => number.ToString(CultureInfo.InvariantCulture),
        { } number when number == Math.Floor(number) && Math.Abs(number) < 1e15 => number.ToString("#,0", CultureInfo.InvariantCulture),
        { } number when Math.Abs(number) is < 1e-3 or >= 1e9 => number.ToString("0.###e0", CultureInfo.InvariantCulture),
        { } number => number.ToString(Math.Abs(number) switch { >= 1000 => "#,0", >= 100 => "0.0", >= 10 => "0.00", >= 1 => "0.000", _ => "0.0000" }, CultureInfo.InvariantCulture),
    };

    /// <summary>A share.</summary>
    public static string Percent(double? share) => share?.ToString("0.0 %", CultureInfo.InvariantCulture) ?? "–";

    /// <summary>A time span: <c>21 min 31 s</c>.</summary>
    public static string Duration(double? seconds) => seconds switch
    {
        null => "–",
        < 60 => FormattableString.Invariant($"{seconds:0.#} s"),
        < 3600 => FormattableString.Invariant($"{(int)(seconds / 60)} min {(int)(seconds % 60)} s"),
        _ => FormattableString.Invariant($"{(int)(seconds / 3600)} h {(int)(seconds / 60) % 60} min"),
    };

    /// <summary>When something was.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>What people call what a run is judged by, or what happened to it, by the name that its files have for it.</summary>
    public static string Name(string key) => MeasureNames.Of(key) switch
    {
        var name when name == key => Words(key),
        var name when char.IsLower(name[1]) => $"{char.ToUpperInvariant(name[0])}{name[1..]}",
        var name => name, // kNN
    };

    /// <summary><c>effectiveRank</c> as <c>Effective rank</c>.</summary>
    private static string Words(string key) => string.Concat(key.Select((letter, place) => place == 0
        ? char.ToUpperInvariant(letter).ToString()
        : char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : letter.ToString()));
}

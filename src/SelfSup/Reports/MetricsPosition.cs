using System.Globalization;

namespace SelfSup.Reports;

/// <summary>
/// A place in a <c>metrics.jsonl</c> from which to read on: behind a whole line. A run that is resumed removes the lines of the steps
/// that it does again, after which the file may have grown beyond the place with other lines; what is before the place tells.
/// </summary>
/// <param name="Offset">Bytes before it.</param>
/// <param name="Check">XXH64 of the last bytes before it: lines hold times to the microsecond, so that those of two steps differ.</param>
internal readonly record struct MetricsPosition(long Offset, ulong Check)
{
    /// <summary>Bytes that the check is of, or as many as there are.</summary>
    public const int Checked = 256;

    /// <summary>The beginning of a file.</summary>
    public static MetricsPosition Start => default;

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse(string? text, out MetricsPosition position)
    {
        position = default;
        if (text?.Split('-') is not [var offset, var check]
            || !long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            || !ulong.TryParse(check, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hash))
        {
            return false;
        }

        position = new MetricsPosition(bytes, hash);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Offset}-{Check:x16}");
}

using System.Globalization;

namespace SelfSup.Cli;

/// <summary>Sizes as people say them.</summary>
internal static class Sizes
{
    private static readonly string[] _units = ["bytes", "KB", "MB", "GB", "TB"];

    /// <summary>A number of bytes in the unit that fits (2^10, 2^20 and so on).</summary>
    public static string Bytes(long bytes)
    {
        var unit = 0;
        double value = bytes;
        for (; value >= 1024 && unit < _units.Length - 1; unit++)
        {
            value /= 1024;
        }

        return value.ToString(unit == 0 ? "N0" : "0.0", CultureInfo.InvariantCulture) + " " + _units[unit];
    }
}

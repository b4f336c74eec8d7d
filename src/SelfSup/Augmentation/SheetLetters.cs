using SkiaSharp;

namespace SelfSup.Augmentation;

/// <summary>
/// The few letters a contact sheet needs, as pixels: a sheet then looks the same on every machine, also where there are
/// no fonts. (The Skia build for Linux without dependencies finds none anywhere.)
/// </summary>
internal static class SheetLetters
{
    private const int Advance = 6;
    private const int Enlarged = 2;
    private const string Letters = "orignalvewpch";
    private const string Digits = "0123456789";

    private static readonly string[] _letterRows =
    [
        "..... ..... ..#.. ..... ..... ..... .##.. ..... ..... ..... ..... ..... #....",
        "..... ..... ..... ..... ..... ..... ..#.. ..... ..... ..... ..... ..... #....",
        ".###. #.##. .##.. .#### #.##. .###. ..#.. #...# .###. #...# ####. .###. #.##.",
        "#...# ##..# ..#.. #...# ##..# ....# ..#.. #...# #...# #...# #...# #...# ##..#",
        "#...# #.... ..#.. #...# #...# .#### ..#.. #...# ##### #.#.# #...# #.... #...#",
        "#...# #.... ..#.. #...# #...# #...# ..#.. .#.#. #.... #.#.# #...# #...# #...#",
        ".###. #.... .###. .#### #...# .#### .###. ..#.. .###. .#.#. ####. .###. #...#",
        "..... ..... ..... ....# ..... ..... ..... ..... ..... ..... #.... ..... .....",
        "..... ..... ..... .###. ..... ..... ..... ..... ..... ..... #.... ..... .....",
    ];

    private static readonly string[] _digitRows =
    [
        ".###. ..#.. .###. .###. ...#. ##### ..##. ##### .###. .###.",
        "#...# .##.. #...# #...# ..##. #.... .#... ....# #...# #...#",
        "#..## ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...#",
        "#.#.# ..#.. ..##. ..##. #..#. ....# ####. ..#.. .###. .####",
        "##..# ..#.. .#... ....# ##### ....# #...# .#... #...# ....#",
        "#...# ..#.. #.... #...# ...#. #...# #...# .#... #...# ...#.",
        ".###. .###. ##### .###. ...#. .###. .###. .#... .###. .##..",
        "..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
        "..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
    ];

    /// <summary>Height of a line without the space to the next, in pixels.</summary>
    public const int LineHeight = 9 * Enlarged;

    /// <summary>Draws a text of known letters, digits and spaces; its upper left corner is given.</summary>
    public static void Draw(SKCanvas canvas, string text, float left, float top, SKPaint paint)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == ' ')
            {
                continue;
            }

            var (rows, place) = char.IsAsciiDigit(text[i])
                ? (_digitRows, Digits.IndexOf(text[i], StringComparison.Ordinal))
                : (_letterRows, Letters.IndexOf(text[i], StringComparison.Ordinal));
            ArgumentOutOfRangeException.ThrowIfNegative(place, nameof(text));
            for (var y = 0; y < rows.Length; y++)
            {
                for (var x = 0; x < Advance - 1; x++)
                {
                    if (rows[y][(place * Advance) + x] == '#')
                    {
                        var across = left + (Enlarged * ((i * Advance) + x));
                        canvas.DrawRect(across, top + (Enlarged * y), Enlarged, Enlarged, paint);
                    }
                }
            }
        }
    }
}

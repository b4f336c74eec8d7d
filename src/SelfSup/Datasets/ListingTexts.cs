using System.Runtime.InteropServices;

namespace SelfSup.Datasets;

/// <summary>
/// A column of texts, each different one kept once: a list of ten million pairs of a hundred thousand images has as many texts as
/// images, and a number a row.
/// </summary>
internal sealed class ListingTexts
{
    private readonly List<int> _codes = [];
    private readonly List<string> _different = [];
    private readonly Dictionary<string, int> _known = new(StringComparer.Ordinal);

    /// <summary>The different texts, in the order in which they first come.</summary>
    public IReadOnlyList<string> Different => _different;

    /// <summary>The place of each row's text among the different ones.</summary>
    public ReadOnlySpan<int> Codes => CollectionsMarshal.AsSpan(_codes);

    /// <summary>The text of a row.</summary>
    public string this[int row] => _different[_codes[row]];

    /// <summary>Adds a row.</summary>
    public void Add(ReadOnlySpan<char> text)
    {
        var known = _known.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!known.TryGetValue(text, out var code))
        {
            code = _different.Count;
            _different.Add(text.ToString());
            _known.Add(_different[^1], code);
        }

        _codes.Add(code);
    }
}

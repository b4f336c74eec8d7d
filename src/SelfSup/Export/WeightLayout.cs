namespace SelfSup.Export;

/// <summary>Where a program puts a backbone among the names of a checkpoint.</summary>
/// <param name="Program">Whose layout it is.</param>
/// <param name="Place">What the backbone's names stand behind, the end of a longer prefix: <c>encoder_q.</c>; empty for names without one.</param>
/// <param name="Copies">What the names of copies stand behind that follow the backbone slowly, or are followed by it.</param>
internal sealed record WeightLayout(string Program, string Place, params IReadOnlyList<string> Copies)
{
    /// <summary>Whether a prefix ends at this layout's backbone.</summary>
    public bool Has(string prefix) => EndsWith(prefix, Place);

    /// <summary>Whether a prefix ends at a copy of it.</summary>
    public bool HasCopy(string prefix) => Copies.Any(copy => EndsWith(prefix, copy));

    private static bool EndsWith(string prefix, string place) =>
        prefix == place || (place.Length > 0 && prefix.EndsWith('.' + place, StringComparison.Ordinal));
}

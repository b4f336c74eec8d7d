namespace SelfSup.Models;

/// <summary>What tells one vision transformer from another.</summary>
/// <param name="Width">D, the width of a token.</param>
/// <param name="Depth">Blocks.</param>
/// <param name="Heads">Heads of each attention, among which D is split.</param>
internal sealed record VisionTransformerArchitecture(long Width, int Depth, int Heads)
{
    // Dosovitskiy et al. 2021, table 1, and Touvron et al. 2021 (https://arxiv.org/abs/2012.12877), table 1.
    private static readonly Dictionary<string, VisionTransformerArchitecture> _named = new()
    {
        ["vitTiny"] = new(192, 12, 3),
        ["vitSmall"] = new(384, 12, 6),
        ["vitBase"] = new(768, 12, 12),
    };

    /// <summary>Every name that <see cref="Find"/> knows.</summary>
    public static IEnumerable<string> Names => _named.Keys;

    /// <summary>Whether a name is that of a vision transformer.</summary>
    public static bool Has(string name) => _named.ContainsKey(name);

    /// <summary>The architecture of a name, with the depth and heads of the options where they say so.</summary>
    /// <exception cref="KeyNotFoundException">There is no such network.</exception>
    public static VisionTransformerArchitecture Find(string name, VisionTransformerOptions options)
    {
        var named = _named[name];
        return named with { Depth = options.Depth ?? named.Depth, Heads = options.Heads ?? named.Heads };
    }
}

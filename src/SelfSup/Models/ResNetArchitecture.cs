namespace SelfSup.Models;

/// <summary>What tells one residual network from another.</summary>
/// <param name="Blocks">Blocks of each stage.</param>
/// <param name="Widths">Channels of each stage's 3x3 convolutions; the first is also the stem's.</param>
/// <param name="Bottleneck">Whether blocks are bottlenecks, whose output is four times as wide.</param>
/// <param name="ProjectionShortcuts">Whether a change of shape is learned or padded with zeros.</param>
internal sealed record ResNetArchitecture(
    IReadOnlyList<int> Blocks, IReadOnlyList<long> Widths, bool Bottleneck, bool ProjectionShortcuts)
{
    private static readonly Dictionary<string, (int[] Blocks, bool Bottleneck)> _wide = new()
    {
        ["resnet18"] = ([2, 2, 2, 2], false),
        ["resnet34"] = ([3, 4, 6, 3], false),
        ["resnet50"] = ([3, 4, 6, 3], true),
        ["resnet101"] = ([3, 4, 23, 3], true),
        ["resnet152"] = ([3, 8, 36, 3], true),
    };

    private static readonly Dictionary<string, int> _thin = new()
    {
        ["resnet20"] = 3,
        ["resnet32"] = 5,
        ["resnet44"] = 7,
        ["resnet56"] = 9,
    };

    /// <summary>Every name that <see cref="Find"/> knows.</summary>
    public static IEnumerable<string> Names => [.. _wide.Keys, .. _thin.Keys];

    /// <summary>Whether a name is one of the thin networks for 32-pixel images (He et al. 2016, section 4.2).</summary>
    public static bool IsThin(string name) => _thin.ContainsKey(name);

    /// <summary>The architecture of a name, every width multiplied by <paramref name="width"/>.</summary>
    /// <exception cref="KeyNotFoundException">There is no such network.</exception>
    public static ResNetArchitecture Find(string name, double width = 1)
    {
        if (_thin.TryGetValue(name, out var n))
        {
            return new([n, n, n], [Scale(16, width), Scale(32, width), Scale(64, width)], false, false);
        }

        var (blocks, bottleneck) = _wide[name];
        return Wide(blocks, bottleneck, width);
    }

    /// <summary>A network of four stages of 64, 128, 256 and 512 channels with learned shortcuts.</summary>
    public static ResNetArchitecture Wide(IReadOnlyList<int> blocks, bool bottleneck, double width = 1) =>
        new(blocks, [Scale(64, width), Scale(128, width), Scale(256, width), Scale(512, width)], bottleneck, true);

    private static long Scale(int channels, double width) => Math.Max(1, (long)(channels * width));
}

using static TorchSharp.torch;

namespace SelfSup.Optimization;

/// <summary>A named parameter inside the flat buffer.</summary>
/// <param name="Name">The module's name for it, <c>layer1.0.conv1.weight</c>.</param>
/// <param name="Offset">Where it starts in [P].</param>
/// <param name="Length">How many values it has.</param>
/// <param name="Shape">Its shape as the module sees it.</param>
/// <param name="ChannelsLast">Filters [O, I, H, W] that lie in memory as [O, H, W, I].</param>
internal sealed record ParameterSegment(
    string Name, long Offset, long Length, IReadOnlyList<long> Shape, bool ChannelsLast = false)
{
    /// <summary>What the learning rate is multiplied with for it; 0 where it does not learn.</summary>
    public double Rate { get; init; } = 1;

    /// <summary>It has one dimension: a bias, or the scale or shift of a normalisation.</summary>
    public bool IsBiasOrNorm => Shape.Count <= 1;

    /// <summary>This parameter's part of a flat tensor [P], as a view in its shape.</summary>
    public Tensor Of(Tensor flat)
    {
        using var part = flat.narrow(0, Offset, Length);
        if (!ChannelsLast)
        {
            return part.view([.. Shape]);
        }

        using var stored = part.view(Shape[0], Shape[2], Shape[3], Shape[1]);
        return stored.permute(0, 3, 1, 2);
    }
}

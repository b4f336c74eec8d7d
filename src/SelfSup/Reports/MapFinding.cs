using SelfSup.Evaluation;

using static TorchSharp.torch;

namespace SelfSup.Reports;

/// <summary>Images as points: the first two principal components, and more of them for what a page computes itself.</summary>
/// <param name="Components">The points; of unit vectors, as they are compared by the cosine.</param>
/// <param name="Labels">The class of every point, -1 where there is none.</param>
/// <param name="Classes">The classes; none without labels.</param>
/// <param name="Names">What each image is called.</param>
/// <param name="Pictures">The key of the atlas that shows the points; null without pictures.</param>
internal sealed record MapFinding(
    PrincipalComponents Components, IReadOnlyList<long> Labels, IReadOnlyList<string> Classes, IReadOnlyList<string> Names, string? Pictures)
{
    private const int Kept = 30;

    /// <summary>Makes a map of a sample of images.</summary>
    public static MapFinding Of(FeatureSet features, ImageSample sample, string? pictures)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var unit = nn.functional.normalize(features.Features.to(float64), dim: 1);
        return new MapFinding(
            PrincipalComponents.Of(unit, Kept),
            features.Labels,
            features.Classes > 0 ? features.ClassNames : [],
            [.. features.Samples.Select(image => sample.Name((int)image))],
            pictures);
    }
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// ArcFace (Deng et al. 2019, https://arxiv.org/abs/1801.07698): the angle with the own class plus a margin.
/// </summary>
[Named("arcFace")]
internal sealed class ArcFaceObjective(ArcFaceOptions options, ObjectiveContext context)
    : MarginObjective(options, context)
{
    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) =>
        MarginSoftmax.ArcFace(batch.Anchors, proxies, batch.Labels, options.Margin, options.Scale);
}

/// <summary>The settings.</summary>
internal sealed class ArcFaceOptions : ProxyOptions
{
    /// <summary>m, added to the angle, in radians.</summary>
    [Range(0.0, 1.5)]
    public double Margin { get; set; } = 0.5;

    /// <summary>s, times all cosines.</summary>
    [Range(0.0, 1e4, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 64;
}

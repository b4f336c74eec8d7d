using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// CosFace, or large margin cosine loss (Wang et al. 2018, https://arxiv.org/abs/1801.09414): the cosine with the own class less a margin.
/// </summary>
[Named("cosFace")]
internal sealed class CosFaceObjective(CosFaceOptions options, ObjectiveContext context)
    : MarginObjective(options, context)
{
    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) =>
        MarginSoftmax.CosFace(batch.Anchors, proxies, batch.Labels, options.Margin, options.Scale);
}

/// <summary>The settings.</summary>
internal sealed class CosFaceOptions : ProxyOptions
{
    /// <summary>m, taken from the cosine.</summary>
    [Range(0.0, 1.0)]
    public double Margin { get; set; } = 0.35;

    /// <summary>s, times all cosines.</summary>
    [Range(0.0, 1e4, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 64;
}

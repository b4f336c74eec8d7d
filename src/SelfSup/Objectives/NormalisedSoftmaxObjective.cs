using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// Classification by cosines with a temperature (Zhai and Wu 2019, https://arxiv.org/abs/1811.12649; NormFace, Wang et al. 2017,
/// https://arxiv.org/abs/1704.06369).
/// </summary>
[Named("normalisedSoftmax")]
internal sealed class NormalisedSoftmaxObjective(NormalisedSoftmaxOptions options, ObjectiveContext context) : ProxyObjective(options, context)
{
    /// <inheritdoc/>
    public override bool IsOfSingles => true;

    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) =>
        NormalisedSoftmax.Loss(batch.Anchors, proxies, batch.Labels, options.Temperature);

    /// <summary>As the authors' code does.</summary>
    protected override void Initialise(Tensor proxies)
    {
        var bound = 1 / Math.Sqrt(proxies.shape[1]);
        proxies.uniform_(-bound, bound);
    }
}

/// <summary>The settings.</summary>
internal sealed class NormalisedSoftmaxOptions : ProxyOptions
{
    /// <summary>Divides every cosine.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 0.05;
}

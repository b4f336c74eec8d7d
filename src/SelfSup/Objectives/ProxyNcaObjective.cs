using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// Proxy-NCA (Movshovitz-Attias et al. 2017, https://arxiv.org/abs/1703.07464): nearer to the proxy of the own class than to those of
/// the others.
/// </summary>
[Named("proxyNca")]
internal sealed class ProxyNcaObjective(ProxyNcaOptions options, ObjectiveContext context)
    : ProxyObjective(options, context)
{
    /// <inheritdoc/>
    public override bool IsOfSingles => true;

    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) =>
        ProxyNca.Loss(batch.Anchors, proxies, batch.Labels, options.Scale, options.OwnInDenominator);

    /// <summary>Normal, as the reference does.</summary>
    protected override void Initialise(Tensor proxies) => proxies.normal_();
}

/// <summary>The settings.</summary>
internal sealed class ProxyNcaOptions : ProxyOptions
{
    /// <summary>Times every squared distance.</summary>
    [Range(0.0, 1e4, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 1;

    /// <summary>Whether the own proxy is in the denominator, as in pytorch-metric-learning; the paper has the others only.</summary>
    public bool OwnInDenominator { get; set; }
}

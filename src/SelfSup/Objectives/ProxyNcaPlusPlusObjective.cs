using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// Proxy-NCA++ (Teh et al. 2020, https://arxiv.org/abs/2004.01113): the probability of the own proxy among all, with a temperature.
/// </summary>
[Named("proxyNcaPlusPlus")]
internal sealed class ProxyNcaPlusPlusObjective(ProxyNcaPlusPlusOptions options, ObjectiveContext context)
    : ProxyObjective(options, context)
{
    /// <inheritdoc/>
    public override bool IsOfSingles => true;

    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) =>
        ProxyNca.Loss(batch.Anchors, proxies, batch.Labels, 1 / options.Temperature, ownInDenominator: true);

    /// <summary>As the authors' code does.</summary>
    protected override void Initialise(Tensor proxies) => proxies.normal_(0, 1.0 / 8);
}

/// <summary>The settings.</summary>
internal sealed class ProxyNcaPlusPlusOptions : ProxyOptions
{
    /// <summary>Divides every squared distance of unit vectors; the paper takes 1/9.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double Temperature { get; set; } = 1.0 / 9;
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// Proxy-Anchor (Kim et al. 2020, https://arxiv.org/abs/2003.13911): each proxy draws the batch's embeddings of its class, the harder the
/// farther they are, and pushes the others.
/// </summary>
[Named("proxyAnchor")]
internal sealed class ProxyAnchorObjective(ProxyAnchorOptions options, ObjectiveContext context)
    : ProxyObjective(options, context)
{
    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) =>
        ProxyAnchor.Loss(batch.Anchors, proxies, batch.Labels, options.Margin, options.Alpha);

    /// <summary>As the authors' code does.</summary>
    protected override void Initialise(Tensor proxies) => nn.init.kaiming_normal_(proxies, mode: nn.init.FanInOut.FanOut);
}

/// <summary>The settings.</summary>
internal sealed class ProxyAnchorOptions : ProxyOptions
{
    /// <summary>The defaults of the paper, whose proxies learn a hundred times faster than the network.</summary>
    public ProxyAnchorOptions() => PartsRate = 100;

    /// <summary>How near positives are to be, and how far negatives.</summary>
    [Range(-1.0, 1.0)]
    public double Margin { get; set; } = 0.1;

    /// <summary>Times every cosine.</summary>
    [Range(0.0, 1e4, MinimumIsExclusive = true)]
    public double Alpha { get; set; } = 32;
}

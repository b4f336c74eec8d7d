using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// A-Softmax (SphereFace, Liu et al. 2017, https://arxiv.org/abs/1704.08063): the angle with the own class counts m times. In the first steps
/// much of the plain cosine is left, lambda = max(lambdaLeast, lambda / (1 + lambdaDecay * step)), as in the authors' code.
/// </summary>
[Named("sphereFace")]
internal sealed class SphereFaceObjective(SphereFaceOptions options, ObjectiveContext context)
    : MarginObjective(options, context)
{
    /// <summary>No: the length of an embedding says how sure it is.</summary>
    public override bool OfUnitVectors => false;

    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) => MarginSoftmax.SphereFace(
        batch.Anchors, proxies, batch.Labels, options.Margin, options.Scale, options.LambdaAt(batch.Step));
}

/// <summary>The settings.</summary>
internal sealed class SphereFaceOptions : ProxyOptions
{
    /// <summary>m, how many times the angle is taken.</summary>
    [Range(1, 64)]
    public int Margin { get; set; } = 4;

    /// <summary>Times all logits, which are cosines times the length of the embedding.</summary>
    [Range(0.0, 1e4, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 1;

    /// <summary>How much of the plain cosine is left at first, in (lambda cos + psi) / (1 + lambda); with lambdaLeast, 0 for none.</summary>
    [Range(0.0, 1e9)]
    public double Lambda { get; set; } = 1000;

    /// <summary>How fast that becomes less.</summary>
    [Range(0.0, 1e9)]
    public double LambdaDecay { get; set; } = 0.12;

    /// <summary>What of it is left at last.</summary>
    [Range(0.0, 1e9)]
    public double LambdaLeast { get; set; } = 5;

    /// <summary>How much of the plain cosine is left at a step.</summary>
    internal double LambdaAt(long step) => Math.Max(LambdaLeast, Lambda / (1 + (LambdaDecay * step)));
}

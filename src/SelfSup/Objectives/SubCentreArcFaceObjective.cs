using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// Sub-centre ArcFace (Deng et al. 2020, https://www.ecva.net/papers/eccv_2020/papers_ECCV/html/1445_ECCV_2020_paper.php): several centres a class, of which the nearest counts, so
/// that wrong labels gather at one of them.
/// </summary>
[Named("subCentreArcFace")]
internal sealed class SubCentreArcFaceObjective(SubCentreArcFaceOptions options, ObjectiveContext context)
    : MarginObjective(options, context, options.Centres)
{
    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) =>
        MarginSoftmax.ArcFace(batch.Anchors, proxies, batch.Labels, options.Margin, options.Scale, options.Centres);
}

/// <summary>The settings.</summary>
internal sealed class SubCentreArcFaceOptions : ProxyOptions
{
    /// <summary>m, added to the angle, in radians.</summary>
    [Range(0.0, 1.5)]
    public double Margin { get; set; } = 0.5;

    /// <summary>s, times all cosines.</summary>
    [Range(0.0, 1e4, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 64;

    /// <summary>C, centres of a class.</summary>
    [Range(1, 64)]
    public int Centres { get; set; } = 3;
}

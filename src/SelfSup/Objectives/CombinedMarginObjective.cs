using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.MetricLosses;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// The combined margin cos(m1 theta + m2) - m3 (Deng et al. 2019, https://arxiv.org/abs/1801.07698, eq. 4, by default with the values of its CM1).
/// </summary>
[Named("combinedMargin")]
internal sealed class CombinedMarginObjective(CombinedMarginOptions options, ObjectiveContext context)
    : MarginObjective(options, context)
{
    /// <inheritdoc/>
    protected override Tensor Loss(LabelledEmbeddings batch, Tensor proxies) => MarginSoftmax.Combined(
        batch.Anchors, proxies, batch.Labels, options.Multiple, options.Angle, options.Margin, options.Beyond, options.Scale);
}

/// <summary>The settings.</summary>
internal sealed class CombinedMarginOptions : ProxyOptions, IValidatableObject
{
    /// <summary>m1, how many times the angle is taken.</summary>
    [Range(0.1, 16.0)]
    public double Multiple { get; set; } = 1;

    /// <summary>m2, added to the angle, in radians.</summary>
    [Range(0.0, 1.5)]
    public double Angle { get; set; } = 0.3;

    /// <summary>m3, taken from the cosine.</summary>
    [Range(0.0, 1.0)]
    public double Margin { get; set; } = 0.2;

    /// <summary>
    /// What follows where the angle becomes more than pi: it goes on falling as SphereFace has it, is a lowered cosine as ArcFace has it,
    /// which needs a multiple of 1, or the cosine all the same.
    /// </summary>
    public BeyondPi Beyond { get; set; }

    /// <summary>s, times all cosines.</summary>
    [Range(0.0, 1e4, MinimumIsExclusive = true)]
    public double Scale { get; set; } = 64;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!AngularMargins.Fit(Multiple, Beyond))
        {
            yield return new ValidationResult(
                $"must be falling or cosine with a multiple of {Multiple}: a lowered cosine falls with the angle only where that counts once; change "
                + "beyond, or set multiple: 1",
                [nameof(Beyond)]);
        }
    }
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// Blurs with a Gaussian of random width (SimCLR, appendix A: probability 0.5, sigma 0.1 to 2.0, a kernel of 10 % of
/// the side).
/// </summary>
[Named("gaussianBlur")]
internal sealed class GaussianBlur(GaussianBlurOptions options) : IAugmentation
{
    public void Apply(ViewCanvas canvas, ref CounterRandom random)
    {
        if (random.Chance(options.Probability))
        {
            var sigma = random.Uniform(options.Sigma[0], options.Sigma[1]);
            canvas.GaussianBlur(options.Kernel ?? TenthOf(Math.Min(canvas.Height, canvas.Width)), sigma);
        }
    }

    /// <summary>The odd number next to a tenth of the side; at least 3, as a kernel of 1 changes nothing.</summary>
    internal static int TenthOf(int side) => Math.Max(3, (2 * (int)Math.Round(((side / 10.0) - 1) / 2)) + 1);
}

/// <summary>Settings of <see cref="GaussianBlur"/>.</summary>
internal sealed class GaussianBlurOptions : IValidatableObject
{
    [Range(0, 1.0)]
    public double Probability { get; set; } = 0.5;

    /// <summary>The number of taps, odd; without it the odd number next to 10 % of the view's side.</summary>
    [Range(3, 999)]
    public int? Kernel { get; set; }

    /// <summary>The smallest and the largest standard deviation, in pixels.</summary>
    [Required]
    [Length(2, 2)]
    public double[] Sigma { get; set; } = [0.1, 2.0];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Kernel is { } kernel && kernel % 2 == 0)
        {
            yield return new ValidationResult($"must be odd, is {kernel}", [nameof(Kernel)]);
        }

        if (Sigma is [var smallest, var largest] && !(smallest > 0 && smallest <= largest && largest <= 1000))
        {
            yield return new ValidationResult(
                $"must be two widths in pixels, 0 < smallest <= largest <= 1000, is [{smallest}, {largest}]",
                [nameof(Sigma)]);
        }
    }
}

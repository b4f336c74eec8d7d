using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// (value - mean) / standard deviation, by channel. Colour operations expect values in 0..1, so this comes last.
/// </summary>
[Named("normalize")]
internal sealed class Normalize(NormalizeOptions options) : IAugmentation
{
    /// <summary>Mean of R, G, B.</summary>
    public ReadOnlySpan<double> Mean => options.Mean;

    /// <summary>Standard deviation of R, G, B.</summary>
    public ReadOnlySpan<double> StandardDeviation => options.StandardDeviation;

    public void Apply(ViewCanvas canvas, ref CounterRandom random) => canvas.Apply(ColorOperation.Normalize(this));
}

/// <summary>Settings of <see cref="Normalize"/>.</summary>
internal sealed class NormalizeOptions : IValidatableObject
{
    /// <summary>Mean of R, G, B, in the range of values 0 to 1.</summary>
    [Required]
    [Length(3, 3)]
    public double[] Mean { get; set; } = [];

    /// <summary>Standard deviation of R, G, B, in the range of values 0 to 1.</summary>
    [Required]
    [Length(3, 3)]
    public double[] StandardDeviation { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Mean is not null && !Mean.All(double.IsFinite))
        {
            yield return new ValidationResult("must be three finite numbers", [nameof(Mean)]);
        }

        if (StandardDeviation is not null && !StandardDeviation.All(value => value > 0 && double.IsFinite(value)))
        {
            yield return new ValidationResult("must be three numbers greater than 0", [nameof(StandardDeviation)]);
        }
    }
}

using System.ComponentModel.DataAnnotations;

namespace SelfSup.Images;

/// <summary>How few of the labelled images are used: what can be learned from 1 percent of the labels, or from 25 images a class.</summary>
internal sealed class LabelOptions : IValidatableObject
{
    /// <summary>The share of the images of each class, rounded, at least one of each.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double? Share { get; set; }

    /// <summary>So many images of each class; all of a class that has fewer.</summary>
    [Range(1, int.MaxValue)]
    public int? PerClass { get; set; }

    /// <summary>
    /// Which images are a function of it, the same on any machine. With the same seed those of a smaller share are among those of a
    /// larger one.
    /// </summary>
    public ulong Seed { get; set; } = 1;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Share is null == PerClass is null)
        {
            yield return new ValidationResult($"must have either share or perClass, has {(Share is null ? "neither" : "both")}");
        }
    }
}

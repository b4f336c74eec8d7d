using System.ComponentModel.DataAnnotations;

namespace SelfSup.Models;

/// <summary>The <c>encoder</c> section: which backbone, and the head that is trained on top of it.</summary>
internal sealed class EncoderOptions : IValidatableObject
{
    /// <summary>resnet18, 34, 50, 101, 152, or the thin resnet20, 32, 44, 56 for 32-pixel images.</summary>
    [Required]
    public string Backbone { get; set; } = "";

    /// <summary>How images enter; by default as in the paper of the backbone.</summary>
    public Stem? Stem { get; set; }

    /// <summary>Multiplies every width of the backbone.</summary>
    [Range(0.0, 16.0, MinimumIsExclusive = true)]
    public double Width { get; set; } = 1;

    /// <summary>
    /// What normalises in the backbone: batch, over the images that are in the network at once, or group, image by image
    /// (Wu and He 2018), with which, and a head without batch normalisation, a batch in slices is exactly the whole batch.
    /// </summary>
    public NormKind Norm { get; set; } = NormKind.Batch;

    /// <summary>Whether every residual block starts as the identity.</summary>
    public bool ZeroInitResidual { get; set; }

    /// <summary>The projection head.</summary>
    public HeadOptions Head { get; set; } = new();

    /// <summary>The stem that is used.</summary>
    internal Stem ActualStem =>
        Stem ?? (ResNetArchitecture.IsThin(Backbone) ? Models.Stem.Small : Models.Stem.ImageNet);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!ResNetArchitecture.Names.Contains(Backbone))
        {
            yield return new ValidationResult(
                $"there is no backbone '{Backbone}'; it must be one of {string.Join(", ", ResNetArchitecture.Names)}",
                [nameof(Backbone)]);
        }
        else if (ResNetArchitecture.IsThin(Backbone) && Stem is Models.Stem.ImageNet)
        {
            yield return new ValidationResult(
                $"{Backbone} is made for small images and has no ImageNet stem; leave it out or set small",
                [nameof(Stem)]);
        }
    }
}

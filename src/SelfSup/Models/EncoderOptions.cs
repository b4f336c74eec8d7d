using System.ComponentModel.DataAnnotations;

namespace SelfSup.Models;

/// <summary>The <c>encoder</c> section: which backbone, and the head that is trained on top of it.</summary>
internal sealed class EncoderOptions : IValidatableObject
{
    /// <summary>
    /// resnet18, 34, 50, 101, 152, the thin resnet20, 32, 44, 56 for 32-pixel images, or the vision transformers vitTiny,
    /// vitSmall, vitBase.
    /// </summary>
    [Required]
    public string Backbone { get; set; } = "";

    /// <summary>Patches, positions and blocks of a vision transformer; null with a ResNet.</summary>
    public VisionTransformerOptions? Vit
    {
        get => field ??= VisionTransformerArchitecture.Has(Backbone) ? new() : null;
        set;
    }

    /// <summary>How images enter a ResNet; by default as in the paper of the backbone.</summary>
    public Stem? Stem { get; set; }

    /// <summary>Multiplies every width of a ResNet.</summary>
    [Range(0.0, 16.0, MinimumIsExclusive = true)]
    public double Width { get; set; } = 1;

    /// <summary>
    /// What normalises in a ResNet: batch, over the images that are in the network at once, or group, image by image
    /// (Wu and He 2018), with which, and a head without batch normalisation, a batch in slices is exactly the whole batch.
    /// </summary>
    public NormKind Norm { get; set; } = NormKind.Batch;

    /// <summary>Whether every residual block of a ResNet starts as the identity.</summary>
    public bool ZeroInitResidual { get; set; }

    /// <summary>The projection head.</summary>
    public HeadOptions Head { get; set; } = new();

    /// <summary>The stem that is used.</summary>
    internal Stem ActualStem =>
        Stem ?? (ResNetArchitecture.IsThin(Backbone) ? Models.Stem.Small : Models.Stem.ImageNet);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (VisionTransformerArchitecture.Has(Backbone))
        {
            foreach (var problem in VisionTransformerProblems(Vit!))
            {
                yield return problem;
            }
        }
        else if (!ResNetArchitecture.Names.Contains(Backbone))
        {
            var names = string.Join(", ", ResNetArchitecture.Names.Concat(VisionTransformerArchitecture.Names));
            yield return new ValidationResult($"there is no backbone '{Backbone}'; it must be one of {names}", [nameof(Backbone)]);
        }
        else if (Vit is not null)
        {
            yield return new ValidationResult($"{Backbone} is no vision transformer; leave it out", [nameof(Vit)]);
        }
        else if (ResNetArchitecture.IsThin(Backbone) && Stem is Models.Stem.ImageNet)
        {
            yield return new ValidationResult(
                $"{Backbone} is made for small images and has no ImageNet stem; leave it out or set small",
                [nameof(Stem)]);
        }
    }

    /// <summary>What a vision transformer does not have, and what its width does not allow.</summary>
    private IEnumerable<ValidationResult> VisionTransformerProblems(VisionTransformerOptions vit)
    {
        var architecture = VisionTransformerArchitecture.Find(Backbone, vit);
        var (width, heads) = (architecture.Width, architecture.Heads);
        if (Stem is not null)
        {
            yield return new($"{Backbone} takes in patches (encoder.vit.patchSize) and has no stem; leave it out", [nameof(Stem)]);
        }

        if (Width != 1)
        {
            yield return new($"{Backbone} is {width} wide; leave it out and choose another backbone", [nameof(Width)]);
        }

        if (Norm != NormKind.Batch)
        {
            yield return new($"{Backbone} normalises each token by itself; leave it out", [nameof(Norm)]);
        }

        if (ZeroInitResidual)
        {
            yield return new($"{Backbone} has no such blocks; leave it out", [nameof(ZeroInitResidual)]);
        }

        if (width % heads != 0)
        {
            yield return new($"must divide the width of {Backbone} ({width}), is {heads}; change it", [$"{nameof(Vit)}.heads"]);
        }
    }
}

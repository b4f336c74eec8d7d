using System.ComponentModel.DataAnnotations;

namespace SelfSup.Models;

/// <summary>The <c>encoder.vit</c> section: what vision transformers of one size differ in.</summary>
internal sealed class VisionTransformerOptions : IValidatableObject
{
    /// <summary>Height and width of the patches that become tokens.</summary>
    [Range(1, 1024)]
    public int PatchSize { get; set; } = 16;

    /// <summary>Height and width of the images that positions are made for; they are interpolated for others.</summary>
    [Range(1, 16384)]
    public int ImageSize { get; set; } = 224;

    /// <summary>How a token knows where it is.</summary>
    public PositionKind Positions { get; set; } = PositionKind.Learned;

    /// <summary>What of the last layer is the feature.</summary>
    public TokenPool Pool { get; set; } = TokenPool.Token;

    /// <summary>Blocks; 12 where it is left out.</summary>
    [Range(1, 256)]
    public int? Depth { get; set; }

    /// <summary>Heads of each attention; those of the backbone (3, 6, 12) where it is left out. MoCo v3's small one has 12.</summary>
    [Range(1, 1024)]
    public int? Heads { get; set; }

    /// <summary>
    /// Whether the projection of the patches stays as it was drawn, which keeps training stable (Chen et al. 2021,
    /// https://arxiv.org/abs/2104.02057, section 4).
    /// </summary>
    public bool FreezePatchProjection { get; set; }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ImageSize % PatchSize != 0)
        {
            yield return new(
                $"must be a multiple of encoder.vit.patchSize ({PatchSize}), is {ImageSize}; change one of them", [nameof(ImageSize)]);
        }
    }
}

/// <summary>How a token knows where it is.</summary>
internal enum PositionKind
{
    /// <summary>A vector is learned for every place (Dosovitskiy et al. 2021).</summary>
    Learned,

    /// <summary>Sines and cosines of row and column that do not train (MoCo v3).</summary>
    SinCos,
}

/// <summary>What of a transformer's last layer is the feature.</summary>
internal enum TokenPool
{
    /// <summary>The class token.</summary>
    Token,

    /// <summary>The mean of the patches' tokens.</summary>
    Mean,
}

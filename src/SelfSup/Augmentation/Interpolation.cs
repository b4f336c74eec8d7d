namespace SelfSup.Augmentation;

/// <summary>The filter of a resize.</summary>
internal enum Interpolation
{
    /// <summary>The triangle filter, support 1.</summary>
    Bilinear,

    /// <summary>The cubic convolution filter of Keys (1981), support 2.</summary>
    Bicubic,
}

namespace SelfSup.Augmentation;

/// <summary>What a <see cref="ColorOperation"/> does.</summary>
internal enum ColorKind
{
    /// <summary>Planes of Y, Cb and Cr in 0..255 become RGB in 0..1 (JFIF 1.02), clamped: not every such colour is one in RGB.</summary>
    FromYCbCr,

    /// <summary>RGB in 0..255 becomes RGB in 0..1; what a bicubic filter overshoots is kept.</summary>
    FromBytes,

    /// <summary>factor * image.</summary>
    Brightness,

    /// <summary>factor * image + (1 - factor) * mean of the gray image.</summary>
    Contrast,

    /// <summary>factor * image + (1 - factor) * gray image.</summary>
    Saturation,

    /// <summary>Turns the hue; value and saturation of HSV stay.</summary>
    Hue,

    /// <summary>Three equal channels of gray.</summary>
    Grayscale,

    /// <summary>Inverts the values that are at least a threshold.</summary>
    Solarize,

    /// <summary>(image - mean) / standard deviation, by channel.</summary>
    Normalize,
}

/// <summary>
/// A colour operation at fixed parameters, on three channels in 0..1. It computes what torchvision computes for float
/// tensors: results of the four jitter operations are clamped to 0..1, and gray is 0.2989 R + 0.587 G + 0.114 B.
/// </summary>
internal readonly record struct ColorOperation
{
    private ColorOperation(ColorKind kind, float first = 0, float second = 0) =>
        (Kind, First, Second) = (kind, first, second);

    public static ColorOperation FromYCbCr { get; } = new(ColorKind.FromYCbCr);

    public static ColorOperation FromBytes { get; } = new(ColorKind.FromBytes);

    public static ColorOperation Grayscale { get; } = new(ColorKind.Grayscale);

    public ColorKind Kind { get; }

    /// <summary>The factor or threshold; for the hue, sixths of the colour circle.</summary>
    public float First { get; }

    /// <summary>What is added: for the contrast (1 - factor), times the mean once that is known.</summary>
    public float Second { get; }

    /// <summary>The normalisation.</summary>
    public Normalize? Normalization { get; private init; }

    public static ColorOperation Brightness(double factor) => new(ColorKind.Brightness, (float)factor);

    public static ColorOperation Contrast(double factor) =>
        new(ColorKind.Contrast, (float)factor, (float)(1 - factor));

    public static ColorOperation Saturation(double factor) =>
        new(ColorKind.Saturation, (float)factor, (float)(1 - factor));

    /// <param name="turn">Part of the colour circle, -0.5 to 0.5.</param>
    public static ColorOperation Hue(double turn) => new(ColorKind.Hue, (float)(6 * turn));

    public static ColorOperation Solarize(double threshold) => new(ColorKind.Solarize, (float)threshold);

    public static ColorOperation Normalize(Normalize normalization) =>
        new(ColorKind.Normalize) { Normalization = normalization };

    /// <summary>A contrast whose mean is known.</summary>
    public ColorOperation WithMean(double mean) => new(Kind, First, (float)(Second * mean));
}

namespace SelfSup.Images.Jpeg;

/// <summary>How the components of a JPEG make a colour.</summary>
internal enum JpegColor
{
    /// <summary>One component.</summary>
    Gray,

    /// <summary>Luma and two colour differences (JFIF).</summary>
    YCbCr,

    /// <summary>Red, green and blue as they are.</summary>
    Rgb,

    /// <summary>Four inks.</summary>
    Cmyk,

    /// <summary>Four inks, the first three turned like YCbCr.</summary>
    Ycck,
}

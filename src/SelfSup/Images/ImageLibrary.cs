namespace SelfSup.Images;

/// <summary>What decodes image files.</summary>
internal enum ImageLibrary
{
    /// <summary>Our own decoder for JPEG files, in the region that is needed, and SkiaSharp for the rest.</summary>
    Default,

    /// <summary>SixLabors.ImageSharp for all formats, JPEG files included, in a build that has it.</summary>
    ImageSharp,
}

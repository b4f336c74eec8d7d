namespace SelfSup.Images;

/// <summary>What decodes image files in place of our own decoder for JPEG files and SkiaSharp for the rest.</summary>
internal enum ImageLibrary
{
    /// <summary>SixLabors.ImageSharp for all formats, JPEG files included, in a build that has it.</summary>
    ImageSharp,
}

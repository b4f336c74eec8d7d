namespace SelfSup.Images;

/// <summary>
/// What happens when an image of the data was read and cannot be decoded, or is null. A file that cannot be read, or has
/// changed, ends the run in any case.
/// </summary>
internal enum OnUnreadable
{
    /// <summary>The run ends with an error that names the image.</summary>
    Fail,

    /// <summary>The image is left out and listed in the run directory.</summary>
    Skip,
}

namespace SelfSup.Images;

/// <summary>What happens when an image of the data cannot be read or decoded.</summary>
internal enum OnUnreadable
{
    /// <summary>The run ends with an error that names the image.</summary>
    Fail,

    /// <summary>The image is left out and listed in the run directory.</summary>
    Skip,
}

namespace SelfSup.Images.Jpeg;

/// <summary>A JPEG file is damaged. The message goes on after "this JPEG", and does not name the file.</summary>
internal sealed class JpegException(string message) : Exception(message)
{
    /// <summary>The file ends before the image does.</summary>
    public static JpegException Truncated() => new("is truncated");

    /// <summary>The file holds something that no JPEG holds.</summary>
    public static JpegException Damaged(string what) => new($"is damaged ({what})");
}

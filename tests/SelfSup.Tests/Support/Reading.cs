using SelfSup.Images;

namespace SelfSup.Tests.Support;

internal static class Reading
{
    /// <summary>An image in a buffer of its own.</summary>
    public static StoredImage Read(this IImageSource source, int index)
    {
        var image = new StoredImage();
        source.Read(index, image);
        return image;
    }
}

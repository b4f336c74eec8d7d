namespace SelfSup.Images;

/// <summary>A rectangle of an image, in pixels. Where it reaches over the edge, the image is black.</summary>
internal readonly record struct Region(int Top, int Left, int Height, int Width)
{
    /// <summary>The smallest rectangle that holds both.</summary>
    public Region Union(Region other)
    {
        var (top, left) = (Math.Min(Top, other.Top), Math.Min(Left, other.Left));
        return new Region(
            top, left, Math.Max(Top + Height, other.Top + other.Height) - top,
            Math.Max(Left + Width, other.Left + other.Width) - left);
    }
}

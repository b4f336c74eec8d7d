namespace SelfSup.Augmentation;

/// <summary>A rectangle of an image, in pixels. Where it reaches over the edge, the image is black.</summary>
internal readonly record struct Region(int Top, int Left, int Height, int Width);

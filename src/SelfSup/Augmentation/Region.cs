namespace SelfSup.Augmentation;

/// <summary>A rectangle of an image, in pixels. A crop's region may reach over the edge; what lies outside is black.</summary>
internal readonly record struct Region(int Top, int Left, int Height, int Width);

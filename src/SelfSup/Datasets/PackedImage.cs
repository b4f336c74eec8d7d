namespace SelfSup.Datasets;

/// <summary>An image as it goes into a pack.</summary>
/// <param name="Bytes">The encoded file; empty where the image cannot be read.</param>
/// <param name="Name">The value of <c>image.path</c>.</param>
/// <param name="Label">The class, or -1.</param>
/// <param name="Error">Why the image cannot be read; null where it can.</param>
internal sealed record PackedImage(byte[] Bytes, string Name, int Label, Errors.DataException? Error = null);

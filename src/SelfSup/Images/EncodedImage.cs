namespace SelfSup.Images;

/// <summary>Which files are images: by the first bytes of their content, and by the extension of their name.</summary>
internal static class EncodedImage
{
    private static readonly HashSet<string> _extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif",
    };

    /// <summary>Whether a file of this name should hold an image.</summary>
    public static bool HasExtension(string path) => _extensions.Contains(Path.GetExtension(path));

    /// <summary>
    /// The format's name, or null where the bytes start like none of the formats that can be decoded.
    /// </summary>
    public static string? Format(ReadOnlySpan<byte> file) => file switch
    {
        [0xFF, 0xD8, 0xFF, ..] => "JPEG",
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => "PNG",
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, .. var rest] when rest.StartsWith("WEBP"u8) => "WebP",
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', (byte)'7' or (byte)'9', (byte)'a', ..] => "GIF",
        [(byte)'B', (byte)'M', ..] => "BMP",
        _ => null,
    };
}

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// A library that decodes files of several formats. One worker owns it; it may keep buffers from image to image. That the bytes
/// begin as one of the formats of <see cref="EncodedImage"/> do is known when it is asked.
/// </summary>
internal interface IFileDecoder
{
    /// <summary>Which it is.</summary>
    DecodedBy Name { get; }

    /// <summary>Decodes all of a file, of several frames the first, to upright RGB: no colour profile is applied, transparency is dropped.</summary>
    /// <param name="file">The file.</param>
    /// <param name="format">The format's name.</param>
    /// <param name="into">Takes the pixels; after an error its content is undefined.</param>
    /// <param name="where">What the message of an error begins with.</param>
    /// <exception cref="DataException">It is damaged, truncated or too large, which is looked at before memory for it is taken.</exception>
    void Decode(ReadOnlyMemory<byte> file, string format, PixelImage into, ImageLocation where);
}

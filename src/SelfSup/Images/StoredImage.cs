namespace SelfSup.Images;

/// <summary>An image as its source holds it.</summary>
/// <param name="Bytes">The encoded file, or raw pixels where <paramref name="RawWidth"/> is set.</param>
/// <param name="RawWidth">Width of raw 8-bit pixels, 0 where the bytes are an encoded file.</param>
/// <param name="RawHeight">Height of raw 8-bit pixels, 0 where the bytes are an encoded file.</param>
/// <param name="RawChannels">1 for gray, 3 for interleaved RGB, 0 where the bytes are an encoded file.</param>
internal readonly record struct StoredImage(
    ReadOnlyMemory<byte> Bytes, int RawWidth = 0, int RawHeight = 0, int RawChannels = 0);

using SelfSup.Images;

namespace SelfSup.Tests.Support;

/// <summary>Raw RGB images of smooth colour with the class in the hue, as a source without files.</summary>
internal sealed class MadeUpImages(int count, int size, int classes = 2) : IImageSource
{
    public int Count => count;

    public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, classes).Select(c => $"class {c}")];

    public IReadOnlyList<int> BlockStarts { get; } = [0];

    public SourceFiles Files { get; } = new();

    public int Label(int index) => classes == 0 ? -1 : index % classes;

    public void Read(int index, StoredImage into)
    {
        var pixels = new byte[size * size * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (position, channel) = (i / 3, i % 3);
            pixels[i] = (byte)((40 * Label(index)) + (channel * 30) + ((position + (7 * index)) % 97));
        }

        into.Take(pixels, size, size, 3);
    }

    public string Locate(int index) => $"image {index}";

    public void Dispose()
    {
    }
}

using SelfSup.Images;

namespace SelfSup.Tests.Support;

/// <summary>Raw RGB images of smooth colour with the class in the hue, as a source without files; one class after the other in turn.</summary>
internal sealed class MadeUpImages(int count, int size, int classes = 2) : IImageSource
{
    public int Count => count;

    public IReadOnlyList<string> ClassNames { get; init; } = [.. Enumerable.Range(0, classes).Select(c => $"class {c}")];

    public IReadOnlyList<int> BlockStarts { get; init; } = [0];

    public int WindowBlocks { get; init; } = int.MaxValue;

    /// <summary>The class of each image, where it is not its turn.</summary>
    public IReadOnlyList<int>? Labels { get; init; }

    public SourceFiles Files { get; } = new();

    /// <summary>Classes c0, c1 and so on of given sizes, one after the other.</summary>
    public static MadeUpImages OfSizes(params int[] sizes) => new(sizes.Sum(), size: 4, sizes.Length)
    {
        ClassNames = [.. sizes.Select((_, label) => $"c{label}")],
        Labels = [.. sizes.SelectMany((size, label) => Enumerable.Repeat(label, size))],
    };

    public int Label(int index) => Labels is not null ? Labels[index] : classes == 0 ? -1 : index % classes;

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

using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Tests.Augmentation;

/// <summary>Images of raw pixels in memory. An image without pixels is one that cannot be read.</summary>
internal sealed class RawImages(IReadOnlyList<byte[]> images, int width, int height, int blocks = 1) : IImageSource
{
    public int Count => images.Count;

    public IReadOnlyList<string> ClassNames { get; } = ["a", "b", "c"];

    public IReadOnlyList<int> BlockStarts { get; } =
        [.. Enumerable.Range(0, blocks).Select(b => b * images.Count / blocks)];

    /// <summary>Thrown by <see cref="Read"/> for the image of this index.</summary>
    public (int Index, Exception Exception)? Broken { get; init; }

    /// <summary>Called by every <see cref="Read"/>.</summary>
    public Action<int>? Reading { get; init; }

    /// <summary>Images of random pixels.</summary>
    public static RawImages Random(int count, int width, int height, int blocks = 1, params int[] unreadable) =>
        new(Pixels(count, 3 * width * height, unreadable), width, height, blocks);

    public static byte[][] Pixels(int count, int length, params int[] unreadable)
    {
        var images = new byte[count][];
        for (var i = 0; i < count; i++)
        {
            images[i] = unreadable.Contains(i) ? [] : new byte[length];
            var random = new CounterRandom(99, RandomPurpose.Selection, 0, i);
            for (var k = 0; k < images[i].Length; k++)
            {
                images[i][k] = (byte)random.NextInt(256);
            }
        }

        return images;
    }

    public SourceFiles Files { get; } = new();

    public int Label(int index) => index % 3;

    public void Read(int index, StoredImage into)
    {
        Reading?.Invoke(index);
        if (Broken is { } broken && broken.Index == index)
        {
            throw broken.Exception;
        }

        into.Take(images[index], width, height, 3);
    }

    public string Locate(int index) => $"image {index}";

    public void Dispose()
    {
    }
}

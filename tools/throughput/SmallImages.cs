using SelfSup.Augmentation;
using SelfSup.Images;

namespace SelfSup.Tools.Throughput;

/// <summary>Images of 32 x 32 raw pixels in memory, as a CIFAR-10 that has been read holds them.</summary>
internal sealed class SmallImages(IReadOnlyList<byte[]> images) : IImageSource
{
    private const int Side = 32;

    public int Count => images.Count;

    public IReadOnlyList<string> ClassNames { get; } = [];

    public IReadOnlyList<int> BlockStarts { get; } = [0];

    /// <summary>The centre squares of photographs, repeated as a whole until there are enough.</summary>
    public static SmallImages Of(IImageSource photographs, int least)
    {
        var once = new List<byte[]>(photographs.Count);
        using var loader = new ViewLoader(
            photographs, new SequentialBatches(photographs.Count, 16), [Views.Centre32()], new ViewLoaderOptions(), new());
        foreach (var batch in loader.Pass(CancellationToken.None))
        {
            using (batch)
            {
                var values = batch.Views[0].data<float>().ToArray();
                once.AddRange(values.Chunk(3 * Side * Side).Select(Pixels));
            }
        }

        return new([.. Enumerable.Repeat(once, ((least - 1) / once.Count) + 1).SelectMany(images => images)]);
    }

    public SourceFiles Files { get; } = new();

    public int Label(int index) => -1;

    public void Read(int index, StoredImage into) => into.Take(images[index], Side, Side, 3);

    public string Locate(int index) => $"small image {index}";

    public void Dispose()
    {
    }

    /// <summary>Planes of floats as interleaved bytes.</summary>
    private static byte[] Pixels(float[] planes)
    {
        var pixels = new byte[planes.Length];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (pixel, channel) = Math.DivRem(i, 3);
            pixels[i] = (byte)Math.Round(255 * planes[(channel * Side * Side) + pixel]);
        }

        return pixels;
    }
}

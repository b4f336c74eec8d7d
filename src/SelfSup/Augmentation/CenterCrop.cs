using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Keeps the square in the middle. A smaller image gets a black margin.</summary>
[Named("centerCrop")]
internal sealed class CenterCrop(CenterCropOptions options) : IAugmentation
{
    public void Apply(ViewCanvas canvas, ref CounterRandom random)
    {
        var size = options.Size;
        canvas.Crop(new Region(Before(canvas.Height, size), Before(canvas.Width, size), size, size));
    }

    public int? OutputSize(int? before) => options.Size;

    /// <summary>Where the crop begins. An odd rest is halved as torchvision does: to even, or less before.</summary>
    private static int Before(int length, int size) =>
        length >= size ? (int)Math.Round((length - size) / 2.0) : -((size - length) / 2);
}

/// <summary>Settings of <see cref="CenterCrop"/>.</summary>
internal sealed class CenterCropOptions
{
    /// <summary>The side of the square, in pixels.</summary>
    [Range(1, 4096)]
    public int Size { get; set; }
}

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Keeps the square in the middle. A smaller image gets a black margin.</summary>
[Named("centerCrop")]
internal sealed class CenterCrop(CenterCropOptions options) : GeometricAugmentation
{
    protected override bool Place(IGeometry view, ref CounterRandom random)
    {
        var size = options.Size;
        return view.Crop(new Region(Before(view.Height, size), Before(view.Width, size), size, size));
    }

    public override int? OutputSize(int? before) => options.Size;

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

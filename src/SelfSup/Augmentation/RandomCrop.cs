using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// A square of fixed size at a random place of the image with a black margin around it. An image that is too small even
/// with its margin gets a margin that is wide enough.
/// </summary>
[Named("randomCrop")]
internal sealed class RandomCrop(RandomCropOptions options) : GeometricAugmentation
{
    protected override bool Place(IGeometry view, ref CounterRandom random)
    {
        var top = Start(view.Height, ref random);
        var left = Start(view.Width, ref random);
        return view.Crop(new Region(top, left, options.Size, options.Size));
    }

    public override int? OutputSize(int? before) => options.Size;

    private int Start(int length, ref CounterRandom random)
    {
        var padded = length + (2 * options.Padding);
        var margin = options.Padding + Math.Max(0, options.Size - padded);
        return random.NextInt(length + (2 * margin) - options.Size + 1) - margin;
    }
}

/// <summary>Settings of <see cref="RandomCrop"/>.</summary>
internal sealed class RandomCropOptions
{
    /// <summary>The side of the square, in pixels.</summary>
    [Range(1, 4096)]
    public int Size { get; set; }

    /// <summary>The black margin on each side, in pixels.</summary>
    [Range(0, 4096)]
    public int Padding { get; set; }
}

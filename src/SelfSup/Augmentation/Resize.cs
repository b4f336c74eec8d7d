using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Brings the short side to a size; the long side follows, rounded down.</summary>
[Named("resize")]
internal sealed class Resize(ResizeOptions options) : GeometricAugmentation
{
    protected override bool Place(IGeometry view, ref CounterRandom random)
    {
        var (height, width) = (view.Height, view.Width);
        var shortSide = Math.Min(height, width);
        if (shortSide == options.Size)
        {
            return true;
        }

        var longSide = (int)((long)options.Size * Math.Max(height, width) / shortSide);
        var (newHeight, newWidth) = height <= width ? (options.Size, longSide) : (longSide, options.Size);
        var whole = new Region(0, 0, height, width);
        return view.ResizedCrop(whole, newHeight, newWidth, options.Interpolation, options.Antialias);
    }

    public override int? OutputSize(int? before) => before is null ? null : options.Size;
}

/// <summary>Settings of <see cref="Resize"/>.</summary>
internal sealed class ResizeOptions
{
    /// <summary>The short side afterwards, in pixels.</summary>
    [Range(1, 4096)]
    public int Size { get; set; }

    public Interpolation Interpolation { get; set; } = Interpolation.Bilinear;

    /// <summary>Whether shrinking averages over all pixels it leaves out.</summary>
    public bool Antialias { get; set; } = true;
}

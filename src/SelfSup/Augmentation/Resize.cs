using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// Brings the short side to a size; the long side follows, rounded down. An image of which it would become absurdly long
/// counts as one that cannot be read.
/// </summary>
[Named("resize")]
internal sealed class Resize(ResizeOptions options) : GeometricAugmentation
{
    /// <summary>A few pixels by many thousand are no photograph, and enlarged they would not fit into memory.</summary>
    private const int LongestSide = 1 << 16;

    protected override bool Place(IGeometry view, ref CounterRandom random)
    {
        var (height, width) = (view.Height, view.Width);
        var shortSide = Math.Min(height, width);
        if (shortSide == options.Size)
        {
            return true;
        }

        var longSide = (int)((long)options.Size * Math.Max(height, width) / shortSide);
        if (longSide > LongestSide)
        {
            throw new DataException(
                $"an image of {width} x {height} pixels, resize to {options.Size} would make its long side {longSide:N0}, must be at "
                + $"most {LongestSide:N0}; remove it or set data.onUnreadable: skip");
        }

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

using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Images;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// A random part of the image, of random area and aspect ratio, brought to a square (Szegedy et al., "Going deeper with
/// convolutions", 2015). The draw is torchvision's: ten tries, then the largest centred part of an allowed ratio.
/// </summary>
[Named("randomResizedCrop")]
internal sealed class RandomResizedCrop(RandomResizedCropOptions options) : GeometricAugmentation
{
    private const int Tries = 10;

    protected override bool Place(IGeometry view, ref CounterRandom random)
    {
        var region = Sample(ref random, view.Height, view.Width, options.Scale, options.Ratio);
        return view.ResizedCrop(region, options.Size, options.Size, options.Interpolation, options.Antialias);
    }

    public override int? OutputSize(int? before) => options.Size;

    /// <summary>Draws the part of an image.</summary>
    /// <param name="random">The stream of random numbers.</param>
    /// <param name="height">Height of the image.</param>
    /// <param name="width">Width of the image.</param>
    /// <param name="scale">The smallest and largest share of the image's area; uniform between them.</param>
    /// <param name="ratio">The smallest and largest width / height; its logarithm is uniform between them.</param>
    internal static Region Sample(
        ref CounterRandom random, int height, int width, ReadOnlySpan<double> scale, ReadOnlySpan<double> ratio)
    {
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var area = random.Uniform(scale[0], scale[1]) * height * width;
            var aspect = Math.Exp(random.Uniform(Math.Log(ratio[0]), Math.Log(ratio[1])));
            var cropWidth = (int)Math.Round(Math.Sqrt(area * aspect));
            var cropHeight = (int)Math.Round(Math.Sqrt(area / aspect));
            if (cropWidth > 0 && cropWidth <= width && cropHeight > 0 && cropHeight <= height)
            {
                var top = random.NextInt(height - cropHeight + 1);
                var left = random.NextInt(width - cropWidth + 1);
                return new Region(top, left, cropHeight, cropWidth);
            }
        }

        var (centreHeight, centreWidth) = (height, width);
        var aspectOfImage = (double)width / height;
        if (aspectOfImage < ratio[0])
        {
            centreHeight = Math.Clamp((int)Math.Round(width / ratio[0]), 1, height);
        }
        else if (aspectOfImage > ratio[1])
        {
            centreWidth = Math.Clamp((int)Math.Round(height * ratio[1]), 1, width);
        }

        return new Region((height - centreHeight) / 2, (width - centreWidth) / 2, centreHeight, centreWidth);
    }
}

/// <summary>Settings of <see cref="RandomResizedCrop"/>.</summary>
internal sealed class RandomResizedCropOptions : IValidatableObject
{
    /// <summary>The side of the square, in pixels.</summary>
    [Range(1, 4096)]
    public int Size { get; set; }

    /// <summary>The smallest and the largest share of the image's area.</summary>
    [Required]
    [Length(2, 2)]
    public double[] Scale { get; set; } = [0.08, 1];

    /// <summary>The smallest and the largest width / height.</summary>
    [Required]
    [Length(2, 2)]
    public double[] Ratio { get; set; } = [3.0 / 4, 4.0 / 3];

    public Interpolation Interpolation { get; set; } = Interpolation.Bilinear;

    /// <summary>Whether shrinking averages over all pixels it leaves out.</summary>
    public bool Antialias { get; set; } = true;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Scale is [var smallest, var largest] && !(smallest > 0 && smallest <= largest && largest <= 1))
        {
            yield return new ValidationResult(
                $"must be two shares of the area, 0 < smallest <= largest <= 1, is [{smallest}, {largest}]",
                [nameof(Scale)]);
        }

        if (Ratio is [var narrowest, var widest] && !(narrowest > 0 && narrowest <= widest && widest < 100))
        {
            yield return new ValidationResult(
                $"must be two ratios width / height, 0 < narrowest <= widest < 100, is [{narrowest}, {widest}]",
                [nameof(Ratio)]);
        }
    }
}

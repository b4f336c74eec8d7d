using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Exchanges top and bottom.</summary>
[Named("verticalFlip")]
internal sealed class VerticalFlip(VerticalFlipOptions options) : GeometricAugmentation
{
    protected override bool Place(IGeometry view, ref CounterRandom random)
    {
        if (random.Chance(options.Probability))
        {
            view.FlipVertical();
        }

        return true;
    }
}

/// <summary>Settings of <see cref="VerticalFlip"/>.</summary>
internal sealed class VerticalFlipOptions
{
    [Range(0, 1.0)]
    public double Probability { get; set; } = 0.5;
}

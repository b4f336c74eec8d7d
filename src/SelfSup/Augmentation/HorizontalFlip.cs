using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Exchanges left and right.</summary>
[Named("horizontalFlip")]
internal sealed class HorizontalFlip(HorizontalFlipOptions options) : GeometricAugmentation
{
    protected override bool Place(IGeometry view, ref CounterRandom random)
    {
        if (random.Chance(options.Probability))
        {
            view.FlipHorizontal();
        }

        return true;
    }
}

/// <summary>Settings of <see cref="HorizontalFlip"/>.</summary>
internal sealed class HorizontalFlipOptions
{
    [Range(0, 1.0)]
    public double Probability { get; set; } = 0.5;
}

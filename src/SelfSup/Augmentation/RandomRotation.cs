using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Turns the view about its centre by a random angle; corners that come from outside are black.</summary>
[Named("randomRotation")]
internal sealed class RandomRotation(RandomRotationOptions options) : IAugmentation
{
    public void Apply(ViewCanvas canvas, ref CounterRandom random)
    {
        if (random.Chance(options.Probability))
        {
            canvas.Rotate(random.Uniform(-options.Degrees, options.Degrees), options.Interpolation);
        }
    }
}

/// <summary>Settings of <see cref="RandomRotation"/>.</summary>
internal sealed class RandomRotationOptions
{
    /// <summary>The angle is uniform between minus and plus this many degrees.</summary>
    [Range(0, 180.0, MinimumIsExclusive = true)]
    public double Degrees { get; set; }

    [Range(0, 1.0)]
    public double Probability { get; set; } = 1;

    public RotationInterpolation Interpolation { get; set; } = RotationInterpolation.Bilinear;
}

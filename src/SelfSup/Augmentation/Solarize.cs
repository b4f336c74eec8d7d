using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Inverts the values from a threshold on (BYOL, appendix B: probability 0.2 in the second view).</summary>
[Named("solarize")]
internal sealed class Solarize(SolarizeOptions options) : IAugmentation
{
    public void Apply(ViewCanvas canvas, ref CounterRandom random)
    {
        if (random.Chance(options.Probability))
        {
            canvas.Apply(ColorOperation.Solarize(options.Threshold));
        }
    }
}

/// <summary>Settings of <see cref="Solarize"/>.</summary>
internal sealed class SolarizeOptions
{
    [Range(0, 1.0)]
    public double Probability { get; set; } = 0.2;

    /// <summary>In the range of values, 0 to 1.</summary>
    [Range(0, 1.0)]
    public double Threshold { get; set; } = 128.0 / 255;
}

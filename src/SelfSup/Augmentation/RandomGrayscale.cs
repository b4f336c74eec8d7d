using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Takes the colour away; three equal channels remain.</summary>
[Named("randomGrayscale")]
internal sealed class RandomGrayscale(RandomGrayscaleOptions options) : IAugmentation
{
    public void Apply(ViewCanvas canvas, ref CounterRandom random)
    {
        if (random.Chance(options.Probability))
        {
            canvas.Apply(ColorOperation.Grayscale);
        }
    }
}

/// <summary>Settings of <see cref="RandomGrayscale"/>.</summary>
internal sealed class RandomGrayscaleOptions
{
    [Range(0, 1.0)]
    public double Probability { get; set; } = 0.2;
}

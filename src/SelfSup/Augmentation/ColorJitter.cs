using System.ComponentModel.DataAnnotations;

using SelfSup.Catalogs;
using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// Changes brightness, contrast, saturation and hue, in random order (Howard, 2013; the form and the order are
/// torchvision's). A strength b of the first three means a factor uniform in [max(0, 1 - b), 1 + b], a strength h of
/// the hue a turn uniform in [-h, h] of the colour circle. A strength of 0 leaves that property alone.
/// </summary>
[Named("colorJitter")]
internal sealed class ColorJitter(ColorJitterOptions options) : IAugmentation
{
    public void Apply(ViewCanvas canvas, ref CounterRandom random)
    {
        if (!random.Chance(options.Probability))
        {
            return;
        }

        Span<Property> order = [Property.Brightness, Property.Contrast, Property.Saturation, Property.Hue];
        random.Shuffle(order);
        var brightness = Factor(options.Brightness, ref random);
        var contrast = Factor(options.Contrast, ref random);
        var saturation = Factor(options.Saturation, ref random);
        var hue = random.Uniform(-options.Hue, options.Hue);
        foreach (var property in order)
        {
            switch (property)
            {
                case Property.Brightness when options.Brightness > 0:
                    canvas.Apply(ColorOperation.Brightness(brightness));
                    break;
                case Property.Contrast when options.Contrast > 0:
                    canvas.Apply(ColorOperation.Contrast(contrast));
                    break;
                case Property.Saturation when options.Saturation > 0:
                    canvas.Apply(ColorOperation.Saturation(saturation));
                    break;
                case Property.Hue when options.Hue > 0:
                    canvas.Apply(ColorOperation.Hue(hue));
                    break;
                default:
                    break;
            }
        }
    }

    private static double Factor(double strength, ref CounterRandom random) =>
        random.Uniform(Math.Max(0, 1 - strength), 1 + strength);

    private enum Property
    {
        Brightness,
        Contrast,
        Saturation,
        Hue,
    }
}

/// <summary>Settings of <see cref="ColorJitter"/>.</summary>
internal sealed class ColorJitterOptions
{
    [Range(0, 1.0)]
    public double Probability { get; set; } = 0.8;

    [Range(0, 10.0)]
    public double Brightness { get; set; }

    [Range(0, 10.0)]
    public double Contrast { get; set; }

    [Range(0, 10.0)]
    public double Saturation { get; set; }

    /// <summary>Part of the colour circle.</summary>
    [Range(0, 0.5)]
    public double Hue { get; set; }
}

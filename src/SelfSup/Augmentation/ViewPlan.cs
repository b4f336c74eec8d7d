using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// A view of an image whose size is known and whose pixels are not: what the first transforms, those that only move
/// pixels, make of it, and where to go on. One worker owns it.
/// </summary>
internal sealed class ViewPlan
{
    /// <summary>What part of the image the view shows.</summary>
    public Placement Placement { get; } = new();

    /// <summary>The view's random numbers, after those that the placement took.</summary>
    public CounterRandom Random;

    /// <summary>The first transform that is still to be applied.</summary>
    public int Next { get; set; }
}

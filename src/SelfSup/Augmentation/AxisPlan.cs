namespace SelfSup.Augmentation;

/// <summary>What a placement asks of one axis of an image.</summary>
/// <param name="Start">The first position that is shown.</param>
/// <param name="Length">How many positions are.</param>
/// <param name="Output">Their number after the resize; the same as before where there is none.</param>
/// <param name="First">The first of those that is in the view.</param>
/// <param name="Count">How many of them are.</param>
/// <param name="Reversed">Whether the view is flipped along the axis.</param>
/// <param name="Interpolation">The filter of the resize.</param>
/// <param name="Antialias">Whether shrinking averages over all positions it leaves out.</param>
internal readonly record struct AxisPlan(
    int Start, int Length, int Output, int First, int Count, bool Reversed, Interpolation Interpolation, bool Antialias)
{
    /// <summary>The same view of an image whose axis runs the other way.</summary>
    /// <param name="imageLength">Positions of the whole axis.</param>
    public AxisPlan Turned(int imageLength) => this with
    {
        Start = imageLength - Start - Length,
        First = Output - First - Count,
        Reversed = !Reversed,
    };
}

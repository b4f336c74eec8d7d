using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>
/// One transform of a view. It draws all its random numbers from the stream handed to <see cref="Apply"/>, keeps
/// no state, and may be used by several workers at once.
/// </summary>
internal interface IAugmentation
{
    /// <summary>Changes the view in place.</summary>
    void Apply(ViewCanvas canvas, ref CounterRandom random);

    /// <summary>
    /// Notes the transform before the pixels of the view are known, if it only moves them and the placement can express
    /// it; otherwise false, and <see cref="Apply"/> will be called later with the same stream.
    /// </summary>
    bool Place(Placement placement, ref CounterRandom random) => false;

    /// <summary>
    /// The side of the square view after this transform, or null where it depends on the image. Transforms that keep
    /// the size return <paramref name="before"/>.
    /// </summary>
    /// <param name="before">The side before this transform, or null where it depends on the image.</param>
    int? OutputSize(int? before) => before;
}

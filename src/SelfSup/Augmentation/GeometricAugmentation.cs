using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>A crop, a resize or a flip: it moves pixels and does not look at them.</summary>
internal abstract class GeometricAugmentation : IAugmentation
{
    public void Apply(ViewCanvas canvas, ref CounterRandom random) => Place(canvas, ref random);

    public bool Place(Placement placement, ref CounterRandom random) => Place((IGeometry)placement, ref random);

    public virtual int? OutputSize(int? before) => before;

    /// <summary>Moves the view.</summary>
    /// <returns>Whether the view could express it.</returns>
    protected abstract bool Place(IGeometry view, ref CounterRandom random);
}

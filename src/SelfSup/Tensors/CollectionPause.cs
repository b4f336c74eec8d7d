using System.Runtime;

namespace SelfSup.Tensors;

/// <summary>
/// Lets the garbage collector run between steps and not within them. TorchSharp (0.107) hands the numbers of an operation
/// over as objects that nothing holds while libtorch reads them: a collection at the wrong moment frees a number that is in
/// use, which ends a run of many days with a wrong value or an error that nobody can explain. A step makes little garbage, so
/// a collection every few hundred steps is enough.
/// </summary>
internal sealed class CollectionPause : IDisposable
{
    /// <summary>What may be allocated before the next collection; it is committed.</summary>
    private const long Budget = 64L << 20;

    // A region that others in the process keep ending costs a full collection each time: not at every step.
    private const int MostBroken = 8;

    private long _started;
    private int _broken;
    private bool _holds;
    private bool _refused;

    /// <summary>A moment at which nothing is being computed: collects if it is due.</summary>
    public void SafePoint()
    {
        if (_refused || (IsOn && GC.GetTotalAllocatedBytes() - _started < Budget / 2))
        {
            return;
        }

        _broken = _holds && !IsOn ? _broken + 1 : 0;
        End();
        if (_broken == MostBroken)
        {
            _refused = true;
            return;
        }

        try
        {
            _holds = GC.TryStartNoGCRegion(Budget);
            _refused = !_holds;
            _started = GC.GetTotalAllocatedBytes();
        }
        catch (InvalidOperationException)
        {
            _refused = true; // the program around has a region of its own
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_refused)
        {
            End();
        }
    }

    private static bool IsOn => GCSettings.LatencyMode == GCLatencyMode.NoGCRegion;

    private static void End()
    {
        try
        {
            if (IsOn)
            {
                GC.EndNoGCRegion();
            }
        }
        catch (InvalidOperationException)
        {
            // More than the budget was allocated, by an evaluation or a checkpoint, and the collector has ended it.
        }
    }
}

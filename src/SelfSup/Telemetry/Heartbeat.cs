namespace SelfSup.Telemetry;

/// <summary>
/// Signs of life of a run, from the thread that trains: whoever counts them sees whether it still moves, and in what it
/// stopped. A beat costs nothing to speak of and allocates nothing.
/// </summary>
internal sealed class Heartbeat
{
    private long _beats;
    private long _step;
    private volatile string _doing = "starting";

    /// <summary>How many there were.</summary>
    public long Beats => Interlocked.Read(ref _beats);

    /// <summary>What the run has been doing since the last one.</summary>
    public string Doing => _doing;

    /// <summary>Optimizer steps done.</summary>
    public long Step => Interlocked.Read(ref _step);

    /// <summary>The run has got on.</summary>
    /// <param name="doing">What it does next; a constant, so that nothing is allocated.</param>
    public void Beat(string doing)
    {
        _doing = doing;
        Interlocked.Increment(ref _beats);
    }

    /// <summary>The run stands between two steps.</summary>
    /// <param name="step">Steps done.</param>
    public void StepDone(long step)
    {
        Interlocked.Exchange(ref _step, step);
        Beat("between two steps");
    }
}

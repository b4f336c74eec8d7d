namespace SelfSup.Telemetry;

/// <summary>
/// Says where the time of a run goes. It is read at each station of a step, so that nothing lies between two parts. A run
/// that nobody profiles has none.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="waitForDevice">
/// Returns when the device has done all it was told, so that a part is charged with its own work; null for a CPU, which is
/// done when a call returns.
/// </param>
internal sealed class StepClock(TimeProvider time, Action? waitForDevice = null)
{
    private readonly List<StepTimes> _steps = [];
    private StepTimes _current = new(); // at first, what is before the first step
    private long _mark;

    /// <summary>Every step so far, the one that is under way included.</summary>
    public IReadOnlyList<StepTimes> Steps => _steps;

    /// <summary>The run begins here.</summary>
    public void Start() => _mark = time.GetTimestamp();

    /// <summary>What passed since the last reading belongs to a part. The wait for data begins a step.</summary>
    public void Lap(StepPart part)
    {
        waitForDevice?.Invoke();
        var now = time.GetTimestamp();
        if (part == StepPart.DataWait)
        {
            _steps.Add(_current = new StepTimes());
        }

        _current[part] += time.GetElapsedTime(_mark, now).TotalSeconds;
        _mark = now;
    }
}

namespace SelfSup.Telemetry;

/// <summary>
/// Says where the time of a run goes. It is read at each station of a step, so that nothing lies between two parts.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="waitForDevice">
/// Returns when the device has done all it was told, so that a part is charged with its own work; null for a CPU, which is
/// done when a call returns. Without it a GPU's work is charged to the part that waits for its numbers.
/// </param>
/// <param name="keepsSteps">Whether all steps are kept, or the one that is under way only: a run is long.</param>
internal sealed class StepClock(TimeProvider time, Action? waitForDevice = null, bool keepsSteps = true)
{
    private readonly List<StepTimes> _steps = [];
    private StepTimes _current = new(); // at first, what is before the first step
    private long _mark;

    /// <summary>Every step so far, the one that is under way included; none where they are not kept.</summary>
    public IReadOnlyList<StepTimes> Steps => _steps;

    /// <summary>The step that is under way, or the last one.</summary>
    public StepTimes Current => _current;

    /// <summary>The run begins here.</summary>
    public void Start() => _mark = time.GetTimestamp();

    /// <summary>What passed since the last reading belongs to a part. The wait for data begins a step.</summary>
    public void Lap(StepPart part)
    {
        waitForDevice?.Invoke();
        var now = time.GetTimestamp();
        if (part == StepPart.DataWait)
        {
            if (keepsSteps)
            {
                _steps.Add(_current = new StepTimes());
            }
            else
            {
                _current.Clear();
            }
        }

        _current[part] += time.GetElapsedTime(_mark, now).TotalSeconds;
        _mark = now;
    }
}

namespace SelfSup.Telemetry;

/// <summary>Seconds of the parts of one step, and of what followed it.</summary>
internal sealed class StepTimes
{
    private readonly double[] _seconds = new double[Enum.GetValues<StepPart>().Length];

    /// <summary>The parts of a step itself.</summary>
    public static IReadOnlyList<StepPart> Parts { get; } =
        [.. Enum.GetValues<StepPart>().Where(part => part < StepPart.Evaluation)];

    /// <summary>Seconds of the step, without what followed it.</summary>
    public double Step => Parts.Sum(part => this[part]);

    /// <summary>Seconds of a part.</summary>
    public double this[StepPart part]
    {
        get => _seconds[(int)part];
        set => _seconds[(int)part] = value;
    }

    /// <summary>Begins again.</summary>
    public void Clear() => Array.Clear(_seconds);
}

namespace SelfSup.Training;

/// <summary>Something that happened to a run, a line in <c>history.jsonl</c>; what does not apply is left out.</summary>
/// <param name="Event">What.</param>
internal sealed record RunEvent(RunEventKind Event)
{
    /// <summary>When.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>Optimizer steps done then.</summary>
    public long? Step { get; init; }

    /// <summary>What there is to say, as the user was told it.</summary>
    public string? Message { get; init; }

    /// <summary>The process that ran it.</summary>
    public int? Process { get; init; }

    /// <summary>The machine it ran on.</summary>
    public string? Host { get; init; }

    /// <summary>The rank that is at fault, where the run has several.</summary>
    public int? Rank { get; init; }

    /// <summary>R, on how many ranks it goes on.</summary>
    public int? Ranks { get; init; }

    /// <summary>Of SelfSup and what it computes with.</summary>
    public IReadOnlyDictionary<string, string>? Versions { get; init; }

    /// <summary>Whether it goes on bit for bit; false where numbers are equal up to rounding.</summary>
    public bool? Exact { get; init; }

    /// <summary>A setting that changed.</summary>
    public string? Key { get; init; }

    /// <summary>What the setting was.</summary>
    public string? Was { get; init; }

    /// <summary>What the setting is.</summary>
    public string? Is { get; init; }

    /// <summary>The signal that asked for it, or that ended the process.</summary>
    public string? Signal { get; init; }

    /// <summary>What the process ended with.</summary>
    public int? ExitCode { get; init; }
}

/// <summary>What can happen to a run.</summary>
internal enum RunEventKind
{
    /// <summary>It began at step 0.</summary>
    Started,

    /// <summary>It goes on from a checkpoint.</summary>
    Resumed,

    /// <summary>It goes on with another setting, which <c>--allow-change</c> let through.</summary>
    Changed,

    /// <summary>Its initial weights came from elsewhere (<c>init.from</c>).</summary>
    WarmStarted,

    /// <summary>A checkpoint was found damaged or half-written.</summary>
    CheckpointDamaged,

    /// <summary>A checkpoint could not be written, and is tried again.</summary>
    CheckpointDelayed,

    /// <summary>A checkpoint was asked for by a signal.</summary>
    CheckpointAsked,

    /// <summary>A step was left out because its loss or gradient was no number.</summary>
    StepSkipped,

    /// <summary>The loss jumped.</summary>
    LossSpiked,

    /// <summary>No step was done for long.</summary>
    Hung,

    /// <summary>It stopped in order, as a signal or the host asked; it goes on when it is started again.</summary>
    Stopped,

    /// <summary>It ended with an error.</summary>
    Failed,

    /// <summary>All steps are done.</summary>
    Finished,

    /// <summary>Its process ended without a word: killed, or crashed. Written by the process that watched over it.</summary>
    Died,

    /// <summary>It is started again by the process that watches over it.</summary>
    Restarted,

    /// <summary>It is not started again by the process that watches over it.</summary>
    GivenUp,
}

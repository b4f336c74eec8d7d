namespace SelfSup.Checkpoints;

/// <summary>
/// What a run's health is judged by that is no tensor: it goes through the manifest of every checkpoint, so that a run that goes
/// on judges as the one that was never stopped.
/// </summary>
internal sealed record HealthState
{
    /// <summary>Looks in a row that saw collapsed embeddings.</summary>
    public int CollapsedLooks { get; init; }

    /// <summary>Whether the user was told of it.</summary>
    public bool SaidCollapsed { get; init; }

    /// <summary>Whether the last look saw embeddings that tell images apart; not before the first.</summary>
    public bool IsHealthy { get; init; }

    /// <summary>The step of the newest checkpoint; 0 before the first.</summary>
    public long LastSaved { get; init; }

    /// <summary>The newest checkpoint behind which the next look was a healthy one.</summary>
    public long? LastGood { get; init; }

    /// <summary>Steps up to now that were left out, one after the other.</summary>
    public int SkippedInARow { get; init; }

    /// <summary>All steps that were left out.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>Where the loss is.</summary>
    public LossLevel Loss { get; init; } = new();

    /// <summary>The step at which the loss was last said to have jumped.</summary>
    public long? LastSpike { get; init; }
}

/// <summary>Where a loss is, and how far from there it lies as a rule: moving averages.</summary>
internal sealed record LossLevel
{
    /// <summary>How many losses it is made of.</summary>
    public long Steps { get; init; }

    /// <summary>Their moving mean.</summary>
    public double Mean { get; init; }

    /// <summary>The moving mean of their distances from it, each from the one before.</summary>
    public double Deviation { get; init; }
}

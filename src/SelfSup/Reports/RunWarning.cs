namespace SelfSup.Reports;

/// <summary>Something about a run that its user should look at.</summary>
/// <param name="Kind">What.</param>
/// <param name="Message">What there is to say.</param>
/// <param name="Step">At which step, where it belongs to one.</param>
internal sealed record RunWarning(RunWarningKind Kind, string Message, long? Step = null);

/// <summary>What can be wrong with a run.</summary>
internal enum RunWarningKind
{
    /// <summary>Embeddings no longer tell images apart.</summary>
    Collapsed,

    /// <summary>The loss has jumped.</summary>
    Spiked,

    /// <summary>Steps were left out because their loss or gradient was no number.</summary>
    Skipped,

    /// <summary>It has not moved for long.</summary>
    Stalled,

    /// <summary>It waits for data a good part of its time.</summary>
    DataStarved,

    /// <summary>A checkpoint was damaged, or could not be written.</summary>
    Checkpoint,

    /// <summary>It died and was started again.</summary>
    Restarted,
}

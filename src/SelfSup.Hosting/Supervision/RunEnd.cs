namespace SelfSup.Hosting.Supervision;

/// <summary>How what trains a run has ended.</summary>
/// <param name="ExitCode">Its exit code, or that of the rank that failed first; 128 and the signal's number where a signal ended it.</param>
internal readonly record struct RunEnd(int ExitCode)
{
    /// <summary>The rank that failed first, where there are several and it is known.</summary>
    public int? Rank { get; init; }

    /// <summary>The rank that the others have lost, whose machine or GPU may be at fault; null where that is not known.</summary>
    public int? Lost { get; init; }
}

namespace SelfSup.Training;

/// <summary>What a run that hangs is, and what becomes of it.</summary>
/// <param name="After">It hangs when nothing moved for so long.</param>
/// <param name="Then">What to do.</param>
internal sealed record HangOptions(TimeSpan After, OnHang Then)
{
    /// <summary>How long each part of the report may take: it may hang as well, on the same disk or terminal.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>What to do when a run no longer moves.</summary>
internal enum OnHang
{
    /// <summary>Says so, with the stacks of all threads, and waits.</summary>
    Report,

    /// <summary>Says so and ends the program, so that something may start it again.</summary>
    Stop,
}

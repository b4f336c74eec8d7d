namespace SelfSup.Tools.Crash;

/// <summary>What came of killing a method's runs.</summary>
/// <param name="Method">The method.</param>
/// <param name="Runs">Runs that were killed again and again, and reached their end.</param>
/// <param name="Kills">How often processes were killed, by moment.</param>
/// <param name="HalfWritten">Kills that left a checkpoint without its manifest.</param>
/// <param name="NotRenamed">Kills that left a whole checkpoint that had no name yet.</param>
/// <param name="HalfDeleted">Kills that left a checkpoint that was being deleted.</param>
/// <param name="LostSteps">Steps that had to be done again.</param>
/// <param name="LostCheckpoints">Checkpoints that were there before a kill and should be afterwards, but are not, or are damaged.</param>
/// <param name="Differences">What differs at the end from the run that was never killed.</param>
internal sealed record CrashReport(
    string Method,
    int Runs,
    IReadOnlyDictionary<string, int> Kills,
    int HalfWritten,
    int NotRenamed,
    int HalfDeleted,
    long LostSteps,
    int LostCheckpoints,
    IReadOnlyList<string> Differences)
{
    /// <summary>Kills of all moments.</summary>
    public int AllKills => Kills.Values.Sum();

    /// <summary>Whether nothing is lost and the ends are alike, bit for bit.</summary>
    public bool IsGood => LostCheckpoints == 0 && Differences.Count == 0;
}

namespace SelfSup.Checkpoints;

/// <summary>
/// Who else writes and reads a run's checkpoints. What all ranks have alike is written by rank 0, and of what they have parts of
/// each writes its own, into one folder on a disk that all of them see.
/// </summary>
/// <param name="Rank">Which one this is, from 0.</param>
/// <param name="Ranks">R.</param>
/// <param name="Session">
/// Names this start of the ranks, alike on all and unlike at any other start: letters, digits and hyphens. What another one
/// has left half-written is removed.
/// </param>
internal sealed record CheckpointRanks(int Rank, int Ranks, string Session)
{
    /// <summary>A run of one rank.</summary>
    public static CheckpointRanks Single { get; } = new(0, 1, "");

    /// <summary>How long rank 0 waits for another's part of a checkpoint.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Called while it waits, from the thread that writes: throws where a rank is gone. Null where nobody knows.</summary>
    public Action? LookAtRanks { get; init; }

    /// <summary>
    /// The smallest of a number over all ranks, each of which calls it as often as the others while checkpoints are looked for, on
    /// the thread that asks for them.
    /// </summary>
    public Func<long, long> Least { get; init; } = value => value;

    /// <summary>The name of a rank's part.</summary>
    public static string FileOf(int rank, int ranks) => $"shard-{rank}-of-{ranks}.safetensors";
}

using System.Globalization;
using System.Text.Json;

using SelfSup.Errors;

namespace SelfSup.Checkpoints;

/// <summary>
/// The folder in which the ranks' parts of one checkpoint come together, each written by its rank beside its steps, and that
/// becomes the checkpoint when all are there. Ranks tell each other by files alone: these threads must not use what the steps
/// communicate by. A part counts as written once the small file beside it says so.
/// </summary>
/// <param name="checkpoints">The folder of the run's checkpoints.</param>
/// <param name="step">Whose state it is.</param>
/// <param name="save">The how manyth checkpoint of this start it is, alike on all ranks.</param>
/// <param name="ranks">Who takes part.</param>
/// <param name="time">The clock.</param>
internal sealed class CheckpointStage(string checkpoints, long step, int save, CheckpointRanks ranks, TimeProvider time)
{
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _lookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _patienceOfTheLeaving = TimeSpan.FromSeconds(5);

    private readonly CheckpointFile?[] _parts = new CheckpointFile?[ranks.Ranks]; // what is known stays known when a try fails
    private volatile bool _abandoned;
    private bool _written;

    /// <summary>The how manyth checkpoint of this start it is.</summary>
    public int Save { get; } = save;

    /// <summary>Its folder, by whose name every version of the program knows that it is no checkpoint yet.</summary>
    public string Folder { get; } = Path.Combine(
        checkpoints, string.Create(CultureInfo.InvariantCulture, $"{new CheckpointName(step, 1)}.{ranks.Session}-{save}{CheckpointName.Unfinished}"));

    /// <summary>The how manyth checkpoint of a start a folder belongs to, or null where it is of another start or none of these.</summary>
    public static int? SaveOf(string folder, string session)
    {
        var parts = Path.GetFileName(folder).Split('.');
        return parts.Length == 3
            && parts[1].StartsWith(session + "-", StringComparison.Ordinal)
            && int.TryParse(parts[1].AsSpan(session.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var save) ? save : null;
    }

    /// <summary>The run ends: a rank that has not written by now is hardly waited for.</summary>
    public void Abandon() => _abandoned = true;

    /// <summary>Writes this rank's part, reads it back and says so; nothing where it is written.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    /// <exception cref="CheckpointException">The disk does not give back what was written to it.</exception>
    public void WritePart(StateArchive state)
    {
        if (_written)
        {
            return;
        }

        var path = Path.Combine(Folder, CheckpointRanks.FileOf(ranks.Rank, ranks.Ranks));
        try
        {
            Directory.CreateDirectory(Folder);
            File.Delete(path); // of a try that failed
            var part = StateFile.WriteShards(path, state);
            StateFile.Verify(path, part);
            File.Delete(ProblemOf(ranks.Rank));
            DurableFile.Write(NoteOf(ranks.Rank), JsonSerializer.Serialize(part, CheckpointManifest.Json));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CheckpointException)
        {
            Try(() => File.Delete(path)); // it may be what the disk is full of
            Try(() => File.WriteAllText(ProblemOf(ranks.Rank), e.Message));
            throw;
        }

        _written = true;
    }

    /// <summary>Waits until every rank has written its part.</summary>
    /// <returns>The parts, in the order of ranks.</returns>
    /// <exception cref="IOException">A rank cannot write its part, or is silent for too long.</exception>
    /// <exception cref="CommunicationException">A rank is gone.</exception>
    public IReadOnlyList<CheckpointFile> Parts()
    {
        var (started, looked) = (time.GetTimestamp(), time.GetTimestamp());
        var left = (long?)null;
        while (true)
        {
            int[] missing = [.. Enumerable.Range(0, ranks.Ranks).Where(rank => (_parts[rank] ??= Part(rank)) is null)];
            if (missing.Length == 0)
            {
                return _parts!;
            }

            foreach (var rank in missing)
            {
                if (Read(ProblemOf(rank)) is { } problem)
                {
                    throw new IOException($"rank {rank} cannot write its part: {problem.ReplaceLineEndings(" ")}");
                }
            }

            left ??= _abandoned ? time.GetTimestamp() : null;
            if (time.GetElapsedTime(started) >= ranks.Limit || (left is { } since && time.GetElapsedTime(since) >= _patienceOfTheLeaving))
            {
                throw new IOException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(missing is [var one] ? $"rank {one} has" : $"ranks {string.Join(", ", missing)} have")} written nothing for {time.GetElapsedTime(started).TotalSeconds:0} s; look into the logs of that rank, and whether it sees {checkpoints}"));
            }

            if (time.GetElapsedTime(looked) >= _lookEvery)
            {
                ranks.LookAtRanks?.Invoke();
                looked = time.GetTimestamp();
            }

            Thread.Sleep(_poll);
        }
    }

    /// <summary>Removes what ranks have told each other: only the checkpoint's files are left.</summary>
    public void Tidy()
    {
        for (var rank = 0; rank < ranks.Ranks; rank++)
        {
            File.Delete(NoteOf(rank));
            File.Delete(ProblemOf(rank));
        }
    }

    private CheckpointFile? Part(int rank)
    {
        if (Read(NoteOf(rank)) is not { } note)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<CheckpointFile>(note, CheckpointManifest.Json) is { Shards: not null } part
                && part.Name == CheckpointRanks.FileOf(rank, ranks.Ranks)
                    ? part
                    : throw new IOException($"{NoteOf(rank)}: does not speak of {CheckpointRanks.FileOf(rank, ranks.Ranks)}");
        }
        catch (JsonException e)
        {
            throw new IOException($"{NoteOf(rank)}: cannot be read ({e.Message})", e);
        }
    }

    private string NoteOf(int rank) => Path.ChangeExtension(Path.Combine(Folder, CheckpointRanks.FileOf(rank, ranks.Ranks)), "json");

    private string ProblemOf(int rank) => Path.ChangeExtension(NoteOf(rank), "problem");

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}

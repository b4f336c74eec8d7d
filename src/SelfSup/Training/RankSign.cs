using System.Text.Json;

using SelfSup.Checkpoints;

namespace SelfSup.Training;

/// <summary>A rank's sign of life: a small file in the run directory that it writes again and again.</summary>
/// <param name="Rank">Whose.</param>
/// <param name="Host">Its machine.</param>
/// <param name="Process">Its process there.</param>
/// <param name="Session">Which start of the run it belongs to: what others left is not looked at.</param>
/// <param name="Count">How many signs there were: it changes while the process lives.</param>
/// <param name="Beats">How often it got on with something of its own.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Doing">What it does.</param>
internal sealed record RankSign(int Rank, string Host, int Process, string Session, long Count, long Beats, long Step, string Doing)
{
    private const int Room = 2048;

    /// <summary>What tells its machine, and the view of processes there, from others that may have the same name; null where the system does not.</summary>
    public string? Machine { get; init; }

    /// <summary>What ended it, once it has ended with an error.</summary>
    public string? Ended { get; init; }

    /// <summary>Whether what ended it is another rank, which its message names.</summary>
    public bool EndedByOther { get; init; }

    /// <summary>Which other rank it is, where it is one.</summary>
    public int? Gone { get; init; }

    /// <summary>The folder of the signs of a run.</summary>
    public static string FolderOf(string runDirectory) => Path.Combine(runDirectory, "ranks");

    /// <summary>The file of a rank.</summary>
    public static string FileOf(string runDirectory, int rank, string session) =>
        Path.Combine(FolderOf(runDirectory), $"rank-{rank}.{session}.json");

    /// <summary>The newest signs of a run, those of any start of it.</summary>
    public static IReadOnlyList<RankSign> Newest(string runDirectory)
    {
        try
        {
            return [.. new DirectoryInfo(FolderOf(runDirectory)).EnumerateFiles("rank-*.json")
                .OrderByDescending(file => file.LastWriteTimeUtc)
                .Select(file => TryRead(file.FullName)).OfType<RankSign>()
                .DistinctBy(sign => sign.Rank)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Reads a sign; null where there is none, or it is being written.</summary>
    public static RankSign? TryRead(string path)
    {
        try
        {
            // Opened anew each time: network file systems look for changes then.
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return JsonSerializer.Deserialize<RankSign>(file, CheckpointManifest.Json);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>
    /// Writes it over the one before, in the room that one has: a disk that has become full takes it. Whoever reads half of it takes
    /// the next.
    /// </summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(string path)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(this, CheckpointManifest.Json);
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        var whole = new byte[Math.Max(Room, bytes.Length)];
        whole.AsSpan().Fill((byte)' ');
        bytes.CopyTo(whole, 0);
        file.Write(whole);
    }
}

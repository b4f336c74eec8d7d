using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

using SelfSup.Checkpoints;

namespace SelfSup.Training;

/// <summary>
/// <c>history.jsonl</c>: what happened to a run since it first began, an event a line, over all its processes. Lines are only
/// ever added, and each is on disk before the run goes on.
/// </summary>
/// <param name="path">The file, or null where nothing is written down: of several ranks the first does it.</param>
/// <param name="time">The clock.</param>
/// <param name="warn">Told when a line cannot be written; nothing else depends on it.</param>
internal sealed class RunHistory(string? path, TimeProvider time, Action<string> warn)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly Lock _gate = new();

    /// <summary>Adds an event; its time is now.</summary>
    public void Add(RunEvent happened)
    {
        if (path is null)
        {
            return;
        }

        var line = JsonSerializer.Serialize(happened with { At = time.GetUtcNow() }, _json) + "\n";
        try
        {
            lock (_gate)
            {
                using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
                file.Position = EndOfLastLine(file);
                file.Write(Encoding.UTF8.GetBytes(line));
                DurableFile.Flush(file);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warn($"{path}: cannot be written ({e.Message}); the run goes on without this line: {line.TrimEnd()}");
        }
    }

    /// <summary>The events of a file, oldest first; none where there is no file. What is no event is left out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">How many bytes of its end are read.</param>
    public static IReadOnlyList<RunEvent> Read(string path, int most = 1 << 30)
    {
        try
        {
            return [.. RegularFile.ReadEnd(path, most, out _).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse).OfType<RunEvent>()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static RunEvent? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<RunEvent>(line, _json);
        }
        catch (JsonException)
        {
            return null; // a line that a killed process wrote half, or an event of a newer version
        }
    }

    /// <summary>Where the next line begins: a process that was killed, or a full disk, may have left half of one.</summary>
    private static long EndOfLastLine(FileStream file)
    {
        if (file.Length == 0)
        {
            return 0;
        }

        var end = file.Length;
        var last = new byte[1];
        file.Position = end - 1;
        file.ReadExactly(last);
        if (last[0] == (byte)'\n')
        {
            return end;
        }

        file.Position = end;
        file.Write("\n"u8);
        return end + 1;
    }
}

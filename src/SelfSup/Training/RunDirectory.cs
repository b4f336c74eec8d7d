using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;

namespace SelfSup.Training;

/// <summary>
/// The folder of a run: <c>recipe.yaml</c> (resolved), <c>metrics.jsonl</c>, <c>metrics.parquet</c>, <c>history.jsonl</c>,
/// <c>checkpoints/</c>, <c>result.json</c>, <c>backbone.safetensors</c>, <c>unreadable.txt</c> where images were skipped,
/// <c>tensorboard/</c> where it is asked for, and <c>ranks/</c> where they are several. One process holds it at a time: the first rank.
/// </summary>
internal sealed class RunDirectory : IDisposable
{
    private const string LockFile = "run.lock";
    private const string HolderFile = "run.holder";
    private const int LockTries = 6;
    private const int LargestHolder = 4096; // bytes

    private static readonly TimeSpan _betweenTries = TimeSpan.FromMilliseconds(60);

    private readonly FileStream? _lock;

    private RunDirectory(string path, FileStream? held, CheckpointRanks? ranks)
    {
        (Path, _lock) = (path, held);
        Checkpoints = CheckpointsOf(path, ranks);
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The run's checkpoints.</summary>
    public CheckpointStore Checkpoints { get; }

    public string RecipeFile => File("recipe.yaml");

    public string MetricsFile => File("metrics.jsonl");

    public string MetricsTableFile => File("metrics.parquet");

    public string TensorBoardFolder => File("tensorboard");

    public string HistoryFile => HistoryOf(Path);

    public string ResultFile => File("result.json");

    public string BackboneFile => File("backbone.safetensors");

    public string UnreadableFile => File("unreadable.txt");

    /// <summary>The list of images that a rank has skipped.</summary>
    public string UnreadableFileOf(int rank) => rank == 0 ? UnreadableFile : System.IO.Path.Combine(RankSign.FolderOf(Path), $"unreadable-{rank}.txt");

    /// <summary>The history of a run that another process may hold.</summary>
    public static string HistoryOf(string path) => System.IO.Path.Combine(path, "history.jsonl");

    /// <summary>The checkpoints of a run that another process may hold.</summary>
    /// <param name="path">The run directory.</param>
    /// <param name="ranks">Who writes and reads them together; null for nobody else.</param>
    public static CheckpointStore CheckpointsOf(string path, CheckpointRanks? ranks = null) =>
        new(System.IO.Path.Combine(path, "checkpoints"), ranks);

    /// <summary>The folder as a rank sees it that is not the first: which holds it.</summary>
    public static RunDirectory Join(string path, CheckpointRanks ranks) => new(path, held: null, ranks);

    /// <summary>Makes the folder where it is missing, and takes hold of it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="wait">Lets time pass between two tries; null for a real clock.</param>
    /// <param name="ranks">Who writes and reads checkpoints together; null for nobody else.</param>
    /// <exception cref="RecipeException">It cannot be written, or another process holds it.</exception>
    public static RunDirectory Open(string path, Action<TimeSpan>? wait = null, CheckpointRanks? ranks = null)
    {
        var existed = Directory.Exists(path);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{path}: the run directory cannot be made ({e.Message}); choose another with --run");
        }

        var file = System.IO.Path.Combine(path, LockFile);
        try
        {
            var held = Hold(file, wait ?? Thread.Sleep);
            try
            {
                // A file of its own: nobody else can read one that is locked.
                System.IO.File.WriteAllText(
                    System.IO.Path.Combine(path, HolderFile),
                    string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName}"));
            }
            catch (IOException e)
            {
                held.Dispose();
                throw new TrainingException($"{path}: the run directory cannot be written ({e.Message}); make room there", e);
            }

            return new RunDirectory(path, held, ranks);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new RecipeException($"{path}: the run directory cannot be written ({e.Message}); choose another with --run");
        }
        catch (IOException e)
        {
            throw new RecipeException(
                existed && Holder(path) is { Length: > 0 } holder
                    ? $"{path}: the run directory is in use by {holder}; wait for it, or choose another with --run"
                    : $"{path}: the run directory cannot be written ({e.Message}); choose another with --run");
        }
    }

    /// <summary>The process that holds a run's directory now, or null.</summary>
    public static string? HolderOf(string path)
    {
        // Whoever looks has the lock for an instant; nobody does where nobody says to hold it.
        var file = System.IO.Path.Combine(path, LockFile);
        if (Holder(path) is null || !RegularFile.Is(file))
        {
            return null;
        }

        try
        {
            using var free = new FileStream(
                file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return null;
        }
        catch (IOException)
        {
            return Holder(path) ?? "another process";
        }
    }

    /// <summary>
    /// The process of another machine that has not let go of a run's directory, or null. It may be gone, and its lock may not be seen
    /// here: not every shared disk passes locks on.
    /// </summary>
    public static string? HolderElsewhere(string path) =>
        Holder(path) is { } holder && !holder.EndsWith($" on {Environment.MachineName}", StringComparison.Ordinal) ? holder : null;

    /// <summary>Writes a file of the run durably.</summary>
    /// <exception cref="TrainingException">It cannot be written.</exception>
    public static void Write(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes a file of the run durably.</summary>
    /// <exception cref="TrainingException">It cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        try
        {
            DurableFile.Write(path, write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException($"{path}: cannot be written ({e.Message}); make room or mend the folder and give the same command again", e);
        }
    }

    /// <summary>Writes <c>result.json</c>, which says that the run is finished.</summary>
    public void WriteResult(IReadOnlyDictionary<string, object?> result) =>
        Write(ResultFile, JsonSerializer.Serialize(result, CheckpointManifest.Json));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_lock is null)
        {
            return;
        }

        try
        {
            System.IO.File.Delete(File(HolderFile));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A disk that became read-only; the lock is what counts.
        }

        _lock.Dispose();
    }

    /// <summary>Takes the lock, or tries again: whoever looks whether a run is held has its lock for an instant.</summary>
    private static FileStream Hold(string file, Action<TimeSpan> wait)
    {
        for (var left = LockTries - 1; ; left--)
        {
            try
            {
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (left > 0)
            {
                wait(_betweenTries);
            }
        }
    }

    private static string? Holder(string path)
    {
        try
        {
            return RegularFile.ReadEnd(System.IO.Path.Combine(path, HolderFile), LargestHolder, out _);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string File(string name) => System.IO.Path.Combine(Path, name);
}

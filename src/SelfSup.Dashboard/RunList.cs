using System.Globalization;

using SelfSup.Reports;
using SelfSup.Runs;

namespace SelfSup.Dashboard;

/// <summary>
/// All runs below a folder, looked at again when somebody asks: of those whose files are what they were, nothing is read, of the others
/// the ends of files. Nothing is watched by the system, which tells nothing of what other machines write.
/// </summary>
/// <param name="folders">Where they are.</param>
/// <param name="time">The clock.</param>
internal sealed class RunList(RunFolders folders, TimeProvider time) : IDisposable
{
    private static readonly string[] _told = ["metrics.jsonl", "history.jsonl", "result.json", "recipe.yaml", "run.holder", "checkpoints"];
    private static readonly TimeSpan _fresh = TimeSpan.FromSeconds(1);
    private static readonly ParallelOptions _several = new() { MaxDegreeOfParallelism = 4 };

    private readonly SemaphoreSlim _gate = new(1);
    private IReadOnlyDictionary<string, KnownRun> _runs = new Dictionary<string, KnownRun>();
    private long? _looked;

    /// <summary>The runs by id, as they are now; they are looked at once for all who ask at the same time.</summary>
    public async Task<IReadOnlyDictionary<string, KnownRun>> Look(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_looked is not { } at || time.GetElapsedTime(at) >= _fresh)
            {
                var began = time.GetTimestamp(); // what comes while it is looked may not be seen
                _runs = await Task.Run(LookNow, CancellationToken.None);
                _looked = began;
            }

            return _runs;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>A run by its id; null where there is none.</summary>
    public async Task<KnownRun?> Find(string? id, CancellationToken cancellationToken) =>
        id is null ? null : (await Look(cancellationToken)).GetValueOrDefault(id);

    /// <summary>Whether there are more runs than are looked at.</summary>
    public bool IsCut { get; private set; }

    /// <summary>A run as it may be read now: links may have come since it was looked at.</summary>
    public KnownRun Now(KnownRun run) =>
        run.Record is not null && folders.WhyRefused(run.Folder) is { } why ? new KnownRun(run.Id, run.Folder) { Refused = why } : run;

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private Dictionary<string, KnownRun> LookNow()
    {
        var now = time.GetUtcNow();
        var before = _runs;
        var runs = new System.Collections.Concurrent.ConcurrentDictionary<string, KnownRun>();
        (var all, IsCut) = folders.Find();
        Parallel.ForEach(all, _several, found => runs[found.Key] = Look(found.Key, found.Value, before.GetValueOrDefault(found.Key), now));
        return new Dictionary<string, KnownRun>(runs, StringComparer.Ordinal);
    }

    private KnownRun Look(string id, string folder, KnownRun? before, DateTimeOffset now)
    {
        try
        {
            return Read(id, folder, before, now);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whatever is in one folder, the others are shown.
            return new KnownRun(id, folder) { Refused = $"it cannot be read ({e.Message})" };
        }
    }

    private KnownRun Read(string id, string folder, KnownRun? before, DateTimeOffset now)
    {
        var stamp = Stamp(folder);
        if (before?.Record?.Summary.State is not (null or RunStanding.Running or RunStanding.Silent) && before.Stamp == stamp)
        {
            return before;
        }

        if (folders.WhyRefused(folder) is { } why)
        {
            return new KnownRun(id, folder) { Refused = why };
        }

        // What changed while somebody looked has changed just now, whatever the disk's own clock says.
        var changed = before?.Record is null ? default : before.Stamp == stamp ? before.Changed : now;
        var record = RunRecord.Read(folder, now, changed, before?.Record);
        // The first look is what counts of a folder that says to have been written in the future.
        return new KnownRun(id, folder) { Record = record, Stamp = stamp, Changed = changed == default ? record.Summary.LastSign : changed };
    }

    private static string Stamp(string folder) => string.Join(' ', _told.Select(name => new FileInfo(Path.Combine(folder, name))).Select(file =>
        string.Create(CultureInfo.InvariantCulture, $"{(file.Exists ? file.Length : -1)}:{file.LastWriteTimeUtc.Ticks}")));
}

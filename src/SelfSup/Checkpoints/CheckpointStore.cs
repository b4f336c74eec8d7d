using SelfSup.Errors;

namespace SelfSup.Checkpoints;

/// <summary>
/// The checkpoints of a run: one folder each, <c>step-00000120</c>, with the state as safetensors and a manifest. A
/// checkpoint appears by a rename when all of it is on disk and was read back, so a folder of that name is a whole checkpoint
/// or one that was damaged since, never a half-written one.
/// </summary>
internal sealed class CheckpointStore(string folder)
{
    private const string State = "state.safetensors";

    private readonly HashSet<string> _damaged = [];

    /// <summary>The folder of the checkpoints.</summary>
    public string Folder { get; } = folder;

    /// <summary>The checkpoints there, oldest first, unverified.</summary>
    public IReadOnlyList<string> Paths =>
        [.. Folders.Where(path => CheckpointName.Parse(path) is not null).OrderBy(path => CheckpointName.Parse(path))];

    /// <summary>What processes left that ended while they wrote a checkpoint.</summary>
    public IReadOnlyList<string> Unfinished => [.. Folders.Where(path => path.EndsWith(CheckpointName.Unfinished, StringComparison.Ordinal))];

    private IEnumerable<string> Folders =>
        Directory.Exists(Folder) ? Directory.EnumerateDirectories(Folder, CheckpointName.Pattern) : [];

    /// <summary>Writes a checkpoint, forces it to disk and reads it back; what was there before stays.</summary>
    /// <param name="manifest">Everything but <see cref="CheckpointManifest.Files"/>.</param>
    /// <param name="state">The run's state.</param>
    /// <returns>The checkpoint's folder.</returns>
    /// <exception cref="IOException">It cannot be written; the ones before are intact.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    /// <exception cref="CheckpointException">The disk does not give back what was written to it.</exception>
    public string Write(CheckpointManifest manifest, StateArchive state)
    {
        var name = new CheckpointName(manifest.Step, 1 + Paths
            .Select(path => CheckpointName.Parse(path)!.Value)
            .Where(other => other.Step == manifest.Step)
            .Select(other => other.Revision).DefaultIfEmpty(0).Max());
        var path = Path.Combine(Folder, name.ToString());
        var temporary = path + CheckpointName.Unfinished;
        try
        {
            Directory.CreateDirectory(Folder);
            Delete(temporary);
            Directory.CreateDirectory(temporary);
            var file = StateFile.Write(Path.Combine(temporary, State), state);
            var whole = (manifest with { Files = [file] }).ToBytes();
            DurableFile.Write(Path.Combine(temporary, CheckpointManifest.FileName), stream => stream.Write(whole));
            Verify(temporary);
            Directory.Move(temporary, path);
            DurableFile.FlushFolder(Folder);
        }
        catch
        {
            Try(() => Delete(temporary));
            throw;
        }

        return path;
    }

    /// <summary>Removes checkpoints that are no longer kept, and what dead processes have left. Call it after <see cref="Write"/>.</summary>
    public void Prune(CheckpointRetention retention) => Try(() =>
    {
        foreach (var leftover in Unfinished.Concat(Folders.Where(path => path.EndsWith(CheckpointName.Doomed, StringComparison.Ordinal))).ToArray())
        {
            Delete(leftover);
        }

        string[] paths = [.. Paths];
        string[] good = [.. paths.Where(path => !_damaged.Contains(path))];
        foreach (var path in _damaged.Intersect(paths).Concat(retention.Superfluous(good)).ToArray())
        {
            // Renamed first: a process that dies while it deletes must not leave a folder that looks like a checkpoint.
            var doomed = path + CheckpointName.Doomed;
            Directory.Move(path, doomed);
            Delete(doomed);
        }
    });

    /// <summary>Checks every file of a checkpoint against its manifest, from the disk.</summary>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static CheckpointManifest Verify(string path)
    {
        var manifest = CheckpointManifest.Read(path);
        foreach (var file in manifest.Files)
        {
            StateFile.Verify(Path.Combine(path, file.Name), file);
        }

        return manifest;
    }

    /// <summary>Reads a checkpoint's state, and checks it against the manifest.</summary>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static (CheckpointManifest Manifest, StateArchive State) Load(string path)
    {
        var manifest = CheckpointManifest.Read(path);
        if (CheckpointName.Parse(path) is { } name && name.Step != manifest.Step)
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged: its manifest is that of step {manifest.Step}");
        }

        return manifest.Files is [{ Name: State } file]
            ? (manifest, StateFile.Read(Path.Combine(path, State), file))
            : throw new CheckpointException($"{path}: the checkpoint is damaged: its manifest does not name {State} alone");
    }

    /// <summary>The newest checkpoint that is whole, or null where there is none at all.</summary>
    /// <param name="damaged">Told of every newer one that is damaged.</param>
    /// <exception cref="CheckpointException">There are checkpoints, but every one is damaged, or the newest is of a newer version.</exception>
    public (CheckpointManifest Manifest, StateArchive State)? LoadLatest(Action<CheckpointException> damaged)
    {
        var broken = new List<CheckpointException>();
        foreach (var path in Paths.Reverse())
        {
            try
            {
                var loaded = Load(path);
                broken.ForEach(damaged);
                return loaded;
            }
            catch (CheckpointException e) when (!e.IsOfNewerVersion)
            {
                broken.Add(e);
                if (!e.IsUnread)
                {
                    _damaged.Add(path);
                }
            }
        }

        return broken.Count == 0
            ? null
            : throw new CheckpointException(
                $"{broken[0].Message}; no checkpoint of the run is whole: to begin again, start a new run with --run", broken[0]);
    }

    private static void Delete(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Tidying up must not end a run: what cannot be removed now is removed after the next checkpoint.</summary>
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

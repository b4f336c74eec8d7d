using SelfSup.Errors;

namespace SelfSup.Checkpoints;

/// <summary>
/// The checkpoints of a run: one folder each, <c>step-00000120</c>, with the state as safetensors and a manifest. A
/// checkpoint appears by a rename when all of it is on disk and was read back, so a folder of that name is a whole checkpoint
/// or one that was damaged since, never a half-written one. Where every rank has a part of the state, each writes its own, and
/// rank 0 the rest; it is rank 0 that makes the whole a checkpoint.
/// </summary>
/// <param name="folder">The folder of the checkpoints.</param>
/// <param name="ranks">Who else writes and reads them; null for nobody.</param>
internal sealed class CheckpointStore(string folder, CheckpointRanks? ranks = null)
{
    private const string State = "state.safetensors";

    private readonly HashSet<string> _damaged = [];
    private int _newestSave; // of this start

    /// <summary>The folder of the checkpoints.</summary>
    public string Folder { get; } = folder;

    /// <summary>Who else writes and reads them.</summary>
    public CheckpointRanks Ranks { get; } = ranks ?? CheckpointRanks.Single;

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
    /// <param name="stage">Where the ranks' parts come together, if there are any; kept from one try to the next.</param>
    /// <returns>The checkpoint's folder; on other ranks than 0, which are done with their part, the one that is expected.</returns>
    /// <exception cref="IOException">It cannot be written, by this rank or another; the ones before are intact.</exception>
    /// <exception cref="UnauthorizedAccessException">Likewise.</exception>
    /// <exception cref="CheckpointException">The disk does not give back what was written to it.</exception>
    /// <exception cref="CommunicationException">A rank is gone.</exception>
    public string Write(CheckpointManifest manifest, StateArchive state, CheckpointStage? stage = null)
    {
        if (state.Shards.Count > 0)
        {
            return WriteTogether(manifest, state, stage ?? NewStage(manifest.Step, 1, TimeProvider.System));
        }

        var path = NewPath(manifest.Step);
        if (Ranks.Rank > 0)
        {
            return path;
        }

        var temporary = path + CheckpointName.Unfinished;
        try
        {
            Directory.CreateDirectory(Folder);
            Delete(temporary);
            Directory.CreateDirectory(temporary);
            var file = StateFile.Write(Path.Combine(temporary, State), state);
            var whole = manifest.Of([file], Ranks.Ranks).ToBytes();
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

    /// <summary>Where the ranks' parts of a checkpoint come together.</summary>
    /// <param name="step">Whose state it is.</param>
    /// <param name="save">The how manyth checkpoint of this start it is.</param>
    /// <param name="time">The clock.</param>
    public CheckpointStage NewStage(long step, int save, TimeProvider time) => new(Folder, step, save, Ranks, time);

    /// <summary>
    /// Removes checkpoints that are no longer kept, and what dead processes have left; on rank 0. Call it after <see cref="Write"/>.
    /// </summary>
    public void Prune(CheckpointRetention retention) => Try(() =>
    {
        if (Ranks.Rank > 0)
        {
            return;
        }

        // Other ranks may be ahead, and write their parts of the next one.
        var dead = Unfinished.Where(path => !(CheckpointStage.SaveOf(path, Ranks.Session) > _newestSave));
        foreach (var leftover in dead.Concat(Folders.Where(path => path.EndsWith(CheckpointName.Doomed, StringComparison.Ordinal))).ToArray())
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
    /// <param name="path">The checkpoint.</param>
    /// <param name="ranks">Who reads it together and compares a part of its files each; null for nobody else.</param>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static (CheckpointManifest Manifest, StateArchive State) Load(string path, CheckpointRanks? ranks = null)
    {
        var manifest = CheckpointManifest.Read(path);
        if (CheckpointName.Parse(path) is { } name && name.Step != manifest.Step)
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged: its manifest is that of step {manifest.Step}");
        }

        if (manifest.Files is not [{ Name: State } file, ..])
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged: its manifest does not name {State} first");
        }

        var shards = new ShardFiles(path, [.. manifest.Files.Skip(1)]);
        shards.Verify(ranks ?? CheckpointRanks.Single);
        return (manifest, StateFile.Read(Path.Combine(path, State), file, shards));
    }

    /// <summary>
    /// The newest checkpoint that is whole, or null where there is none at all. Several ranks find the same one: the newest that all
    /// of them see and none finds damaged.
    /// </summary>
    /// <param name="damaged">Told of every newer one that is damaged.</param>
    /// <exception cref="CheckpointException">There are checkpoints, but every one is damaged, or the newest is of a newer version.</exception>
    public (CheckpointManifest Manifest, StateArchive State)? LoadLatest(Action<CheckpointException> damaged)
    {
        var broken = new List<CheckpointException>();
        for (var newest = Newest(before: null); newest is { } name; newest = Newest(name))
        {
            var path = Path.Combine(Folder, name.ToString());
            if (LoadOnAll(path, out var found) is { } loaded)
            {
                broken.ForEach(damaged);
                return loaded;
            }

            broken.Add(found ?? new CheckpointException($"{path}: another rank finds the checkpoint damaged; see that rank's log"));
        }

        return broken.Count == 0
            ? null
            : throw new CheckpointException(
                $"{broken[0].Message}; no checkpoint of the run is whole: to begin again, start a new run with --run", broken[0]);
    }

    /// <summary>The newest checkpoint that every rank sees, of those before another; null where one sees none.</summary>
    private CheckpointName? Newest(CheckpointName? before)
    {
        const long Revisions = 1 << 20;
        var (step, revision) = Paths.Select(path => CheckpointName.Parse(path)!.Value)
            .Where(name => before is not { } limit || name.CompareTo(limit) < 0)
            .DefaultIfEmpty(new CheckpointName(-1, 0)).Max();
        var (agreedStep, agreedRevision) = Math.DivRem(Ranks.Least(step < 0 ? -1 : (step * Revisions) + revision), Revisions);
        return agreedRevision < 0 ? null : new CheckpointName(agreedStep, (int)agreedRevision);
    }

    /// <summary>Reads a checkpoint, if it is whole on all ranks.</summary>
    /// <param name="path">The checkpoint.</param>
    /// <param name="found">What is wrong with it as this rank sees it, or null.</param>
    private (CheckpointManifest Manifest, StateArchive State)? LoadOnAll(string path, out CheckpointException? found)
    {
        const int Damaged = 0, Unread = 1, Whole = 2;
        (CheckpointManifest Manifest, StateArchive State)? loaded = null;
        found = null;
        try
        {
            loaded = Load(path, Ranks);
        }
        catch (CheckpointException e) when (!e.IsOfNewerVersion)
        {
            found = e;
        }

        var verdict = Ranks.Least(found is null ? Whole : found.IsUnread ? Unread : Damaged);
        if (verdict == Damaged)
        {
            _damaged.Add(path);
        }

        if (verdict < Whole)
        {
            loaded?.State.Dispose();
            loaded = null;
        }

        return loaded;
    }

    private string NewPath(long step)
    {
        var name = new CheckpointName(step, 1 + Paths
            .Select(path => CheckpointName.Parse(path)!.Value)
            .Where(other => other.Step == step)
            .Select(other => other.Revision).DefaultIfEmpty(0).Max());
        return Path.Combine(Folder, name.ToString());
    }

    /// <summary>Writes a checkpoint of which every rank has a part: the folder where the parts are becomes the checkpoint.</summary>
    private string WriteTogether(CheckpointManifest manifest, StateArchive state, CheckpointStage stage)
    {
        if (Ranks.Rank > 0)
        {
            stage.WritePart(state);
            return NewPath(manifest.Step);
        }

        _newestSave = stage.Save;
        // Those that a newer one has taken the place of before they were whole: a full disk needs the room.
        Try(() => Array.ForEach([.. Unfinished.Where(path => CheckpointStage.SaveOf(path, Ranks.Session) < stage.Save)], Delete));
        string[] own = [Path.Combine(stage.Folder, State), Path.Combine(stage.Folder, CheckpointManifest.FileName)];
        try
        {
            stage.WritePart(state);
            Array.ForEach(own, File.Delete); // of a try that failed
            var file = StateFile.Write(own[0], state);
            var whole = manifest.Of([file, .. stage.Parts()], Ranks.Ranks).ToBytes();
            DurableFile.Write(own[1], stream => stream.Write(whole));
            Verify(stage.Folder);
            stage.Tidy();
            var path = NewPath(manifest.Step);
            Directory.Move(stage.Folder, path);
            DurableFile.FlushFolder(Folder);
            return path;
        }
        catch
        {
            Try(() => Array.ForEach(own, File.Delete)); // not the parts: other ranks are done with theirs
            throw;
        }
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

using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

using SelfSup.Errors;
using SelfSup.Tensors;

namespace SelfSup.Checkpoints;

/// <summary>
/// The checkpoints of a run: one folder each, <c>step-00000120</c>, with the state as safetensors and a manifest. A
/// checkpoint appears by a rename when all of it is on disk, so a folder of that name is a whole checkpoint or a damaged
/// one, never a half-written one.
/// </summary>
internal sealed class CheckpointStore(string folder)
{
    private const string StateFile = "state.safetensors";
    private const string ManifestFile = "manifest.json";
    private const string Prefix = "step-";

    /// <summary>The folder of the checkpoints.</summary>
    public string Folder { get; } = folder;

    /// <summary>The checkpoints there, oldest first, unverified.</summary>
    public IReadOnlyList<string> Paths => Directory.Exists(Folder)
        ? [.. Directory.EnumerateDirectories(Folder, Prefix + "*")
            .Where(d => StepOf(d) is not null)
            .OrderBy(d => StepOf(d))]
        : [];

    /// <summary>Writes a checkpoint, then removes what is no longer kept.</summary>
    /// <param name="manifest">Everything but <see cref="CheckpointManifest.Files"/>.</param>
    /// <param name="state">The run's state.</param>
    /// <param name="keep">How many of the newest to keep.</param>
    /// <param name="bestBy">A measurement whose highest checkpoint is kept as well, or null.</param>
    /// <returns>The checkpoint's folder.</returns>
    /// <exception cref="TrainingException">It cannot be written; the ones before are intact.</exception>
    public string Save(CheckpointManifest manifest, StateArchive state, int keep, string? bestBy)
    {
        var path = Path.Combine(Folder, Name(manifest.Step));
        var temporary = path + ".tmp";
        try
        {
            Directory.CreateDirectory(Folder);
            Delete(temporary);
            Directory.CreateDirectory(temporary);
            var file = WriteState(Path.Combine(temporary, StateFile), state);
            DurableFile.Write(
                Path.Combine(temporary, ManifestFile),
                JsonSerializer.Serialize(manifest with { Files = [file] }, CheckpointManifest.Json));
            if (Directory.Exists(path))
            {
                Delete(path); // an older one of the same step, found damaged on resume
            }

            Directory.Move(temporary, path);
            DurableFile.FlushFolder(Folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Try(() => Delete(temporary));
            var last = Paths.Count > 0 ? Path.GetFileName(Paths[^1]) : "none yet";
            throw new TrainingException(
                $"{path}: the checkpoint cannot be written ({e.Message}); make room or mend the folder and give the same " +
                $"command again (last good checkpoint: {last})",
                e);
        }

        Try(() => Prune(keep, bestBy));
        return path;
    }

    /// <summary>Reads a checkpoint's manifest.</summary>
    /// <exception cref="CheckpointException">It is missing or damaged.</exception>
    public static CheckpointManifest ReadManifest(string path)
    {
        var file = Path.Combine(path, ManifestFile);
        CheckpointManifest manifest;
        try
        {
            manifest = JsonSerializer.Deserialize<CheckpointManifest>(File.ReadAllBytes(file), CheckpointManifest.Json)
                ?? throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CheckpointException(
                $"{file}: the checkpoint is damaged ({e.Message.ReplaceLineEndings(" ")})",
                e);
        }

        return manifest.Schema <= CheckpointManifest.CurrentSchema
            ? manifest
            : throw new CheckpointException(
                $"{file}: written by a newer version (layout {manifest.Schema}, this program knows up to " +
                $"{CheckpointManifest.CurrentSchema}); use SelfSup {manifest.Versions.GetValueOrDefault("selfsup", "of that version")}");
    }

    /// <summary>Checks every file of a checkpoint against its manifest and reads the state.</summary>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static (CheckpointManifest Manifest, StateArchive State) Load(string path)
    {
        var manifest = ReadManifest(path);
        foreach (var file in manifest.Files)
        {
            Verify(Path.Combine(path, file.Name), file);
        }

        var state = Path.Combine(path, StateFile);
        return (manifest, StateArchive.Loading(SafeTensors.Read(state, out _), state));
    }

    /// <summary>The newest checkpoint that is whole, or null where there is none at all.</summary>
    /// <param name="damaged">Told of every newer one that is damaged.</param>
    /// <exception cref="CheckpointException">There are checkpoints, but every one is damaged.</exception>
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
            catch (CheckpointException e)
            {
                broken.Add(e);
            }
        }

        return broken.Count == 0
            ? null
            : throw new CheckpointException(
                $"{broken[0].Message}; no checkpoint of the run is whole: to begin again, start a new run with --run", broken[0]);
    }

    private static CheckpointFile WriteState(string path, StateArchive state)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        using (var hashing = new HashingStream(file, hash))
        {
            SafeTensors.Write(hashing, state.Entries, new Dictionary<string, string> { ["format"] = "pt" });
        }

        file.Flush(flushToDisk: true);
        return new CheckpointFile(StateFile, file.Length, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static void Verify(string path, CheckpointFile expected)
    {
        try
        {
            using var file = File.OpenRead(path);
            var found = file.Length == expected.Bytes ? Convert.ToHexStringLower(SHA256.HashData(file)) : null;
            if (found != expected.Sha256)
            {
                throw new CheckpointException(
                    found is null
                        ? $"{path}: the checkpoint is damaged: {file.Length} bytes, its manifest says {expected.Bytes}"
                        : $"{path}: the checkpoint is damaged: its checksum is not the one in its manifest");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path}: the checkpoint is damaged ({e.Message})", e);
        }
    }

    private static string Name(long step) => Prefix + step.ToString("D8", CultureInfo.InvariantCulture);

    private static long? StepOf(string path) =>
        long.TryParse(Path.GetFileName(path)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            ? step
            : null;

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

    private void Prune(int keep, string? bestBy)
    {
        foreach (var leftover in Directory.EnumerateDirectories(Folder, Prefix + "*.tmp"))
        {
            Delete(leftover);
        }

        var paths = Paths;
        var best = bestBy is null ? null : paths.MaxBy(path => Measured(path, bestBy));
        foreach (var path in paths.SkipLast(keep).Where(path => path != best))
        {
            // Renamed first: a process that dies while it deletes must not leave a folder that looks like a checkpoint.
            var doomed = path + ".tmp";
            Directory.Move(path, doomed);
            Delete(doomed);
        }
    }

    private static double Measured(string path, string name)
    {
        try
        {
            var manifest = ReadManifest(path);
            var record = manifest.Evaluations.LastOrDefault(e => e.Step == manifest.Step);
            return record?.Values.GetValueOrDefault(name, double.NegativeInfinity) ?? double.NegativeInfinity;
        }
        catch (CheckpointException)
        {
            return double.NegativeInfinity;
        }
    }
}

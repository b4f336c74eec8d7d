using System.Globalization;
using System.Text.Json;

using SelfSup.Checkpoints;
using SelfSup.Errors;

namespace SelfSup.Datasets;

/// <summary>
/// Where packing, or embedding, keeps unfinished files and its journal, beside the output. One process holds it at a time; it is gone
/// when the work is done.
/// </summary>
internal sealed class PackFolder : IDisposable
{
    private const string JournalFile = "journal.json";
    private const string LockFile = "pack.lock";

    private readonly PackOutput _output;
    private readonly FileStream _lock;

    private PackFolder(PackOutput output, FileStream held) => (_output, _lock) = (output, held);

    /// <summary>Makes the folder where it is missing, and takes hold of it.</summary>
    /// <exception cref="RecipeException">It cannot be written, or another process holds it.</exception>
    public static PackFolder Open(PackOutput output)
    {
        var path = output.WorkFolder;
        var file = Path.Combine(path, LockFile);
        var existed = File.Exists(file);
        try
        {
            Directory.CreateDirectory(path);
            return new PackFolder(output, new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException) when (existed)
        {
            throw new RecipeException($"{path}: is in use by another process; wait for it, or choose another name for the output");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{path}: cannot be written ({e.Message}); name another place for the output");
        }
    }

    /// <summary>The path of a shard while it grows.</summary>
    public string Shard(int number) =>
        Path.Combine(_output.WorkFolder, string.Create(CultureInfo.InvariantCulture, $"shard-{number:D5}.parquet"));

    /// <summary>What an earlier process wrote last; null where none did.</summary>
    /// <exception cref="CheckpointException">It is damaged or of a newer version.</exception>
    public PackJournal? Load()
    {
        var path = Path.Combine(_output.WorkFolder, JournalFile);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            var journal = JsonSerializer.Deserialize<PackJournal>(File.ReadAllBytes(path), CheckpointManifest.Json);
            return journal?.Schema is PackJournal.CurrentSchema ? journal : throw new JsonException("it is of another version");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CheckpointException(
                $"{path}: the journal of the interrupted {_output.Work} cannot be read ({e.Message.ReplaceLineEndings(" ")}); begin anew with --overwrite", e);
        }
    }

    /// <summary>Writes down how far the pack is.</summary>
    public void Save(PackJournal journal) =>
        DurableFile.Write(Path.Combine(_output.WorkFolder, JournalFile), JsonSerializer.Serialize(journal, CheckpointManifest.Json));

    /// <summary>Drops what an earlier process left.</summary>
    public void Clear()
    {
        // The journal first: without it the rest is nothing.
        File.Delete(Path.Combine(_output.WorkFolder, JournalFile));
        foreach (var file in Directory.EnumerateFiles(_output.WorkFolder).Where(file => Path.GetFileName(file) != LockFile))
        {
            File.Delete(file);
        }
    }

    /// <summary>
    /// Gives whole files their names, in place of an earlier pack's. May be repeated after a kill anywhere in between.
    /// </summary>
    /// <returns>The files.</returns>
    public IReadOnlyList<string> Publish(PackJournal journal)
    {
        var files = _output.Files(journal.Shards);
        // Other files of an earlier pack go first: a pattern such as photos-*.parquet must never match rows of both.
        foreach (var old in _output.Existing().Except(files))
        {
            File.Delete(old);
        }

        for (var shard = 0; shard < files.Count; shard++)
        {
            if (File.Exists(Shard(shard)))
            {
                File.Move(Shard(shard), files[shard], overwrite: true);
            }
        }

        if (journal.Unreadable.Count > 0)
        {
            DurableFile.Write(_output.UnreadableFile, string.Concat(journal.Unreadable.Select(image => $"{image.Where}: {image.Reason}\n")));
        }
        else
        {
            File.Delete(_output.UnreadableFile);
        }

        DurableFile.FlushFolder(_output.Folder);
        Clear();
        return files;
    }

    /// <summary>Lets go of the folder, and removes it where nothing is in it to go on with.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        if (Directory.Exists(_output.WorkFolder) && !File.Exists(Path.Combine(_output.WorkFolder, JournalFile)))
        {
            Directory.Delete(_output.WorkFolder, recursive: true);
        }
    }
}

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>Where Parquet files that are made of images go on after an interruption, or begin anew.</summary>
/// <param name="output">The files.</param>
/// <param name="source">The images.</param>
/// <param name="overwrite">Whether files that are there are replaced, and an interruption that does not fit is dropped.</param>
internal sealed class PackStart(PackOutput output, ImageSourceOptions source, bool overwrite)
{
    /// <summary>Where to go on, or a new beginning.</summary>
    /// <param name="folder">The work folder, held.</param>
    /// <param name="settings">Everything that decides what is written.</param>
    /// <param name="fingerprint">Of the images.</param>
    /// <exception cref="RecipeException">The output is there already.</exception>
    /// <exception cref="CheckpointException">What was interrupted is of other settings or images, or damaged.</exception>
    /// <exception cref="DataException">Images were left out that may not be.</exception>
    public PackJournal Begin(PackFolder folder, IReadOnlyDictionary<string, string> settings, string fingerprint)
    {
        var found = overwrite ? LoadIfFits(folder, settings, fingerprint) : folder.Load();
        if (found is not { IsWhole: true } && !overwrite && output.Existing() is [var there, ..])
        {
            throw new RecipeException($"{there}: exists already; name another file or give --overwrite");
        }

        if (found is null)
        {
            folder.Clear();
            return new PackJournal { Settings = settings, Fingerprint = fingerprint };
        }

        RequireFit(found, folder, settings, fingerprint);
        if (source.OnUnreadable == OnUnreadable.Fail && found.Unreadable is [var first, ..])
        {
            throw new DataException($"{first.Where}: {first.Reason}; remove it or set data.onUnreadable: skip");
        }

        return found;
    }

    private void RequireFit(PackJournal found, PackFolder folder, IReadOnlyDictionary<string, string> settings, string fingerprint)
    {
        if (found.DifferencesTo(settings) is { Count: > 0 } differences)
        {
            throw new CheckpointException(
                $"{output.WorkFolder}: an interrupted {output.Work} with other settings ({string.Join(", ", differences)}); "
                + "go on with those, or begin anew with --overwrite");
        }

        if (found.Fingerprint != fingerprint)
        {
            throw new CheckpointException(
                $"{output.WorkFolder}: an interrupted {output.Work} of other images, files at {source.Path} have changed since; "
                + "begin anew with --overwrite");
        }

        if (!Restore(found, folder))
        {
            throw new CheckpointException(
                $"{folder.Shard(found.FullShards.Count)}: is shorter than the journal of the interrupted {output.Work} says; "
                + "begin anew with --overwrite");
        }
    }

    private static bool Restore(PackJournal found, PackFolder folder) =>
        found.IsWhole || ShardState.Restore(folder.Shard(found.FullShards.Count), found.Open);

    private static PackJournal? LoadIfFits(PackFolder folder, IReadOnlyDictionary<string, string> settings, string fingerprint)
    {
        try
        {
            var found = folder.Load();
            return found is not null && found.Fingerprint == fingerprint && found.DifferencesTo(settings).Count == 0
                && Restore(found, folder) ? found : null;
        }
        catch (CheckpointException)
        {
            return null;
        }
    }
}

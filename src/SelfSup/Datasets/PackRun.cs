using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>
/// Parquet files made of images: from where an interruption was or from the beginning, under their names when all of them are whole.
/// </summary>
/// <param name="output">The files.</param>
/// <param name="source">The images.</param>
/// <param name="overwrite">Whether files that are there are replaced, and an interruption that does not fit is dropped.</param>
internal sealed class PackRun(PackOutput output, ImageSourceOptions source, bool overwrite)
{
    /// <summary>Makes them, or goes on with it.</summary>
    /// <param name="images">The images, opened.</param>
    /// <param name="settings">Everything that decides what is written.</param>
    /// <param name="write">Writes what a journal lacks into the work folder; gives the journal of the whole.</param>
    /// <exception cref="RecipeException">The output is there already, or lies among the images.</exception>
    /// <exception cref="CheckpointException">What was interrupted is of other settings or images, or damaged.</exception>
    /// <exception cref="DataException">Images were left out that may not be.</exception>
    /// <exception cref="TrainingException">A file cannot be written, as on a full disk.</exception>
    public PackReport Run(
        IImageSource images, IReadOnlyDictionary<string, string> settings, Func<PackFolder, PackJournal, PackJournal> write)
    {
        var files = ImageSources.Files(source.Path);
        output.RequireApartFrom(source.Path, files);
        try
        {
            using var folder = PackFolder.Open(output);
            var begun = Begin(folder, settings, SourceFingerprint.Of(images, files));
            var journal = begun.IsWhole ? begun : write(folder, begun);
            var names = folder.Publish(journal);
            return new PackReport(
                names,
                journal.Rows,
                names.Sum(name => new FileInfo(name).Length),
                journal.Unreadable,
                journal.Unreadable.Count > 0 ? output.UnreadableFile : null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException(
                $"{output.Named}: cannot be written ({e.Message}); make room or mend the folder and give the same command again", e);
        }
    }

    private PackJournal Begin(PackFolder folder, IReadOnlyDictionary<string, string> settings, string fingerprint)
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

using SelfSup.Errors;
using SelfSup.Runs;

namespace SelfSup.Dashboard;

/// <summary>
/// The run folders below a folder, by an id that is their path from there. An id of a request is only ever looked up among them, and
/// nothing that a link leads out of the folder is read.
/// </summary>
internal sealed class RunFolders
{
    // A folder of runs is rarely deeper, and one of a whole disk would not end.
    private const int Deepest = 4;
    private const int MostFolders = 20_000;
    private const int MostRuns = 5_000;
    private const int MostLinks = 40;

    private readonly int _mostRuns;
    private readonly int _mostFolders;

    /// <param name="path">The folder, or a run.</param>
    /// <param name="mostRuns">How many runs are found.</param>
    /// <param name="mostFolders">How many folders are looked into.</param>
    /// <exception cref="RecipeException">There is no such folder.</exception>
    public RunFolders(string path, int mostRuns = MostRuns, int mostFolders = MostFolders)
    {
        if (!Directory.Exists(path))
        {
            throw new RecipeException($"{path}: there is no such folder; name the folder of your runs");
        }

        (Root, _mostRuns, _mostFolders) = (RealPath(path), mostRuns, mostFolders);
    }

    /// <summary>The folder, without links.</summary>
    public string Root { get; }

    /// <summary>The run folders there are now, by id, and whether there are more than are looked at.</summary>
    public (IReadOnlyDictionary<string, string> Runs, bool IsCut) Find()
    {
        if (RunSummary.IsRun(Root))
        {
            return (new Dictionary<string, string> { [Path.GetFileName(Root)] = Root }, false);
        }

        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var waiting = new Queue<(string Folder, int Depth)>([(Root, 0)]);
        var isCut = false;
        for (var looked = 1; waiting.TryDequeue(out var next); looked++)
        {
            foreach (var folder in Folders(next.Folder))
            {
                if (RunSummary.IsRun(folder))
                {
                    if (found.Count == _mostRuns)
                    {
                        return (found, true);
                    }

                    found[Path.GetRelativePath(Root, folder).Replace(Path.DirectorySeparatorChar, '/')] = folder;
                }
                else if (looked + waiting.Count >= _mostFolders)
                {
                    isCut = true;
                }
                else if (next.Depth + 1 < Deepest)
                {
                    waiting.Enqueue((folder, next.Depth + 1));
                }
            }
        }

        return (found, isCut);
    }

    /// <summary>
    /// Why nothing of a run's folder is read: it is not where it was found, or something in it leads out of the folder of runs, or may
    /// not be looked at and could. Null where it may be read.
    /// </summary>
    public string? WhyRefused(string run)
    {
        try
        {
            return RealPath(run) == run ? WhyRefused(run, new DirectoryInfo(run), Deepest) : "it is behind a link";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"it cannot be looked into ({e.Message})";
        }
    }

    private string? WhyRefused(string run, DirectoryInfo folder, int depth)
    {
        try
        {
            // What may not be listed could still be opened by its name.
            foreach (var entry in folder.EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false }))
            {
                if (entry.LinkTarget is not null)
                {
                    if (!IsInside(RealPath(entry.FullName)))
                    {
                        return $"{Path.GetRelativePath(run, entry.FullName)} is a link to outside of the runs folder";
                    }
                }
                else if (entry is DirectoryInfo below && depth > 0 && WhyRefused(run, below, depth - 1) is { } why)
                {
                    return why;
                }
            }
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            // It went away meanwhile.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{(folder.FullName == run ? "it" : Path.GetRelativePath(run, folder.FullName))} cannot be looked into ({e.Message})";
        }

        return null;
    }

    private bool IsInside(string path) => path == Root || path.StartsWith(Root + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>The folders in a folder; those that are links lead to what is found at its own place, or outside.</summary>
    private static IEnumerable<string> Folders(string folder)
    {
        try
        {
            return [.. new DirectoryInfo(folder)
                .EnumerateDirectories("*", new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden })
                .Select(below => below.FullName)];
        }
        catch (IOException)
        {
            return []; // removed meanwhile
        }
    }

    /// <summary>A path without links.</summary>
    private static string RealPath(string path)
    {
        var full = Path.GetFullPath(path);
        var real = Path.GetPathRoot(full)!;
        var waiting = new Stack<string>(full[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse());
        for (var links = 0; waiting.TryPop(out var name);)
        {
            var next = Path.Combine(real, name);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MostLinks)
            {
                throw new IOException($"{path}: too many links");
            }

            var goal = Path.GetFullPath(target, real);
            real = Path.GetPathRoot(goal)!;
            foreach (var part in goal[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                waiting.Push(part);
            }
        }

        return Path.TrimEndingDirectorySeparator(real);
    }
}

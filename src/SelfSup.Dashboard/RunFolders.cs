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

    /// <param name="path">The folder, or a run.</param>
    /// <exception cref="RecipeException">There is no such folder.</exception>
    public RunFolders(string path)
    {
        if (!Directory.Exists(path))
        {
            throw new RecipeException($"{path}: there is no such folder; name the folder of your runs");
        }

        Root = RealPath(path);
    }

    /// <summary>The folder, without links.</summary>
    public string Root { get; }

    /// <summary>The run folders there are now, by id.</summary>
    public IReadOnlyDictionary<string, string> Find()
    {
        if (RunSummary.IsRun(Root))
        {
            return new Dictionary<string, string> { [Path.GetFileName(Root)] = Root };
        }

        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var waiting = new Queue<(string Folder, int Depth)>([(Root, 0)]);
        for (var looked = 0; waiting.TryDequeue(out var next) && looked < MostFolders && found.Count < MostRuns; looked++)
        {
            foreach (var folder in Folders(next.Folder))
            {
                if (RunSummary.IsRun(folder))
                {
                    found[Path.GetRelativePath(Root, folder).Replace(Path.DirectorySeparatorChar, '/')] = folder;
                }
                else if (next.Depth + 1 < Deepest)
                {
                    waiting.Enqueue((folder, next.Depth + 1));
                }
            }
        }

        return found;
    }

    /// <summary>What in a run's folder is a link out of the folder of runs; null where nothing is, and it may be read.</summary>
    public string? LinkOutside(string run) => LinkOutside(new DirectoryInfo(run), Deepest);

    private string? LinkOutside(DirectoryInfo folder, int depth)
    {
        try
        {
            foreach (var entry in folder.EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0 }))
            {
                if (entry.LinkTarget is not null)
                {
                    if (!IsInside(RealPath(entry.FullName)))
                    {
                        return entry.FullName;
                    }
                }
                else if (entry is DirectoryInfo below && depth > 0 && LinkOutside(below, depth - 1) is { } link)
                {
                    return link;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It went away meanwhile, or nobody may look into it: then nobody reads it.
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

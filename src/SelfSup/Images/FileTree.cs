using System.IO.Enumeration;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>The files below a folder.</summary>
internal static class FileTree
{
    /// <summary>What the name of a folder ends with, after the name of the file that is made in it.</summary>
    public const string PartialSuffix = ".partial";

    /// <summary>
    /// The relative paths of all files below <paramref name="root"/>, parts separated by '/', in ordinal order: the
    /// same on every machine. Links to folders are followed unless they lead back into a folder on the way to them;
    /// names that begin with a dot are left out, and folders in which Parquet files are being made (<c>*.parquet.partial</c>).
    /// </summary>
    /// <param name="root">An existing folder.</param>
    /// <param name="depth">How many levels are searched; 1 for the folder itself only.</param>
    /// <exception cref="DataException">A folder cannot be read.</exception>
    public static List<string> Files(string root, int depth = int.MaxValue)
    {
        var files = new List<string>();
        Collect(root, prefix: "", [RealPath(root)], depth, files);
        files.Sort(StringComparer.Ordinal);
        return files;
    }

    /// <param name="folder">The folder to list.</param>
    /// <param name="prefix">Its path below the root, empty or ending with '/'.</param>
    /// <param name="ancestors">The real paths of the folder and those above it, by which a loop is noticed.</param>
    /// <param name="depth">The number of levels left.</param>
    /// <param name="files">Takes the files.</param>
    private static void Collect(string folder, string prefix, List<string> ancestors, int depth, List<string> files)
    {
        var folders = new List<(string Name, bool IsLink)>();
        try
        {
            foreach (var (name, isFolder, isLink) in Entries(folder))
            {
                if (isFolder)
                {
                    folders.Add((name, isLink));
                }
                else
                {
                    files.Add(prefix + name);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{folder}: this folder cannot be read ({e.Message}); check its permissions", e);
        }

        foreach (var (name, isLink) in depth > 1 ? folders : [])
        {
            var path = Path.Combine(folder, name);
            var real = isLink ? RealPath(path) : Path.Combine(ancestors[^1], name);
            if (!isLink || !ancestors.Contains(real))
            {
                ancestors.Add(real);
                Collect(path, prefix + name + '/', ancestors, depth - 1, files);
                ancestors.RemoveAt(ancestors.Count - 1);
            }
        }
    }

    private static FileSystemEnumerable<(string Name, bool IsFolder, bool IsLink)> Entries(string folder) => new(
        folder,
        static (ref entry) => (
            entry.FileName.ToString(),
            entry.IsDirectory,
            entry.Attributes.HasFlag(FileAttributes.ReparsePoint)),
        new EnumerationOptions { IgnoreInaccessible = false, AttributesToSkip = FileAttributes.None })
    {
        ShouldIncludePredicate = static (ref entry) => entry.FileName[0] != '.'
            && !(entry.IsDirectory && entry.FileName.EndsWith(".parquet" + PartialSuffix, StringComparison.Ordinal)),
    };

    /// <summary>The path without any link in it.</summary>
    private static string RealPath(string path)
    {
        var full = Path.GetFullPath(path);
        if (Path.GetDirectoryName(full) is not { } parent)
        {
            return full;
        }

        var real = Path.Combine(RealPath(parent), Path.GetFileName(full));
        try
        {
            return new DirectoryInfo(real).ResolveLinkTarget(returnFinalTarget: false) is { } target
                ? RealPath(target.FullName)
                : real;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: this link cannot be followed ({e.Message}); remove it", e);
        }
    }
}

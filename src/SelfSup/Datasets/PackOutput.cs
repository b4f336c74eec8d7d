using System.Globalization;
using System.Text.RegularExpressions;

using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Datasets;

/// <summary>
/// The names of what packing, or embedding, makes: <c>photos.parquet</c>, or <c>photos-00000-of-00012.parquet</c> and so on where it is
/// split; beside it <c>photos.parquet.partial</c> while it is made, and <c>photos.parquet.unreadable.txt</c>.
/// </summary>
internal sealed partial class PackOutput
{
    private const string Extension = ".parquet";

    private readonly string _file;
    private readonly string _name;

    /// <param name="path">The file.</param>
    /// <param name="work">What making it is called in messages.</param>
    /// <exception cref="RecipeException">It is no name for Parquet files, or there is no such folder.</exception>
    public PackOutput(string path, string work = "pack")
    {
        (Named, Work) = (path, work);
        if (!path.EndsWith(Extension, StringComparison.Ordinal) || Path.GetFileName(path).Length == Extension.Length)
        {
            throw new RecipeException($"{path}: the name of the output, must end in {Extension}; choose another");
        }

        _file = Path.GetFullPath(path);
        _name = Path.GetFileNameWithoutExtension(_file);
        Folder = Path.GetDirectoryName(_file)!;
        if (!Directory.Exists(Folder) || Directory.Exists(_file))
        {
            var reason = Directory.Exists(_file) ? "it is a folder" : "its folder does not exist";
            throw new RecipeException($"{path}: cannot be written ({reason}); name another place");
        }
    }

    /// <summary>The file, as it was named.</summary>
    public string Named { get; }

    /// <summary>What making the files is called.</summary>
    public string Work { get; }

    /// <summary>The folder of all of them.</summary>
    public string Folder { get; }

    /// <summary>Where unfinished files are kept.</summary>
    public string WorkFolder => _file + FileTree.PartialSuffix;

    /// <summary>The list of images that were left out.</summary>
    public string UnreadableFile => _file + ".unreadable.txt";

    /// <summary>The files' paths when there are so many.</summary>
    public IReadOnlyList<string> Files(int count) => count == 1
        ? [_file]
        : [.. Enumerable.Range(0, count).Select(shard => Path.Combine(
            Folder, string.Create(CultureInfo.InvariantCulture, $"{_name}-{shard:D5}-of-{count:D5}{Extension}")))];

    /// <summary>Files of an earlier pack of this name.</summary>
    public IReadOnlyList<string> Existing() =>
    [
        .. Directory.EnumerateFiles(Folder)
            .Where(file => file == _file || (Path.GetFileName(file).StartsWith(_name, StringComparison.Ordinal)
                && ShardSuffix().IsMatch(Path.GetFileName(file)[_name.Length..])))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Refuses an output that would change the images.</summary>
    /// <param name="source">The path of the images.</param>
    /// <param name="files">The files there.</param>
    /// <exception cref="RecipeException">It lies among the images.</exception>
    public void RequireApartFrom(string source, IReadOnlyList<string> files)
    {
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)) + Path.DirectorySeparatorChar;
        if (Directory.Exists(source) && _file.StartsWith(root, StringComparison.Ordinal))
        {
            throw new RecipeException($"{_file}: lies in the folder of the images, must lie outside; name another place");
        }

        var mine = Existing().Append(_file).ToHashSet(StringComparer.Ordinal);
        if (files.Select(Path.GetFullPath).FirstOrDefault(mine.Contains) is { } shared)
        {
            throw new RecipeException($"{shared}: is one of the files of the images; choose another name for the output");
        }
    }

    [GeneratedRegex(@"^-\d{5}-of-\d{5}\.parquet$", RegexOptions.CultureInvariant)]
    private static partial Regex ShardSuffix();
}

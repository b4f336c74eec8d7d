using System.Globalization;

namespace SelfSup.Images;

/// <summary>
/// What the files of an image source are: enough to say later, and in another place, whether they still are the same.
/// Where they lie, and when they were written, is no part of it.
/// </summary>
internal sealed record SourceFiles
{
    private const int MostDifferences = 5;

    /// <summary>The files, in the order of their images; empty for a folder of images.</summary>
    public IReadOnlyList<SourceFile> Files { get; init; } = [];

    /// <summary>All image files of a folder together; null where the images lie in the <see cref="Files"/>.</summary>
    public FolderSummary? Folder { get; init; }

    /// <summary>What files are called, below the last folder that they share.</summary>
    public static IReadOnlyList<string> Names(IReadOnlyList<string> paths)
    {
        string[][] parts = [.. paths.Select(path => Path.GetFullPath(path).Replace(Path.DirectorySeparatorChar, '/').Split('/'))];
        var shared = 0;
        while (Array.TrueForAll(parts, path => shared < path.Length - 1 && path[shared] == parts[0][shared]))
        {
            shared++;
        }

        return [.. parts.Select(path => string.Join('/', path[shared..]))];
    }

    /// <summary>What is different now, one text for each difference and a few at most; none where the images are the same.</summary>
    public IReadOnlyList<string> DifferencesTo(SourceFiles now)
    {
        if (Folder is { } then && now.Folder is { } folder)
        {
            return then.DifferencesTo(folder);
        }

        if (Folder is not null || now.Folder is not null)
        {
            return [$"was {this}, is {now}"];
        }

        // The same content in the same order under other names holds the same images.
        if (Files.Select(file => file.Content).SequenceEqual(now.Files.Select(file => file.Content)))
        {
            return [];
        }

        var differences = DifferencesByName(now).ToArray();
        return differences.Length <= MostDifferences ? differences :
        [
            .. differences.Take(MostDifferences),
            string.Create(CultureInfo.InvariantCulture, $"{differences.Length - MostDifferences:N0} more files differ"),
        ];
    }

    /// <summary>A hash of all that <see cref="DifferencesTo"/> looks at: the same for the same images, wherever they lie.</summary>
    public string Fingerprint()
    {
        using var hash = new FieldHash();
        foreach (var (bytes, footer, start, whole) in Files.Select(file => file.Content))
        {
            hash.Number(bytes);
            hash.Text(footer ?? "");
            hash.Text(start ?? "");
            hash.Text(whole ?? "");
        }

        if (Folder is { } folder)
        {
            hash.Text(folder.Sha256);
        }

        return hash.Finish();
    }

    /// <summary>In words: <c>a folder of 1,000 images</c>, <c>3 files (a.parquet, ...)</c>.</summary>
    public override string ToString() => Folder is not null
        ? string.Create(CultureInfo.InvariantCulture, $"a folder of {Folder.Files:N0} image files")
        : Files.Count switch
        {
            0 => "no files",
            1 => $"the file {Files[0].Name}",
            _ => string.Create(CultureInfo.InvariantCulture, $"{Files.Count:N0} files ({Files[0].Name}, ...)"),
        };

    private IEnumerable<string> DifferencesByName(SourceFiles now)
    {
        var others = now.Files.ToDictionary(file => file.Name, StringComparer.Ordinal);
        var isSame = true;
        foreach (var file in Files)
        {
            if ((others.Remove(file.Name, out var other) ? file.DifferenceTo(other) : $"{file.Name} is missing") is { } difference)
            {
                isSame = false;
                yield return difference;
            }
        }

        foreach (var file in now.Files.Where(file => others.ContainsKey(file.Name)))
        {
            isSame = false;
            yield return $"{file.Name} is new";
        }

        if (isSame)
        {
            yield return "the files come in another order";
        }
    }
}

/// <summary>A file with many images.</summary>
/// <param name="Name">Its path below the folder that all files share.</param>
/// <param name="Bytes">Its length; of a gzip file, what it holds.</param>
internal sealed record SourceFile(string Name, long Bytes)
{
    /// <summary>Of a Parquet file's footer, which says where and how long everything in the file is.</summary>
    public string? FooterSha256 { get; init; }

    /// <summary>
    /// Of a Parquet file's beginning, as images that are all of the same length may have the footer of others.
    /// </summary>
    public string? StartSha256 { get; init; }

    /// <summary>Of the whole content, where that is in memory anyway; of a gzip file, of what it holds.</summary>
    public string? Sha256 { get; init; }

    /// <summary>All but the name.</summary>
    internal (long Bytes, string? Footer, string? Start, string? Whole) Content => (Bytes, FooterSha256, StartSha256, Sha256);

    /// <summary>What is different now, or null.</summary>
    public string? DifferenceTo(SourceFile now) =>
        Bytes != now.Bytes ? string.Create(CultureInfo.InvariantCulture, $"{Name} had {Bytes:N0} bytes, has {now.Bytes:N0}")
        : FooterSha256 != now.FooterSha256 ? $"{Name} has another footer"
        : Content != now.Content ? $"{Name} has other content"
        : null;
}

/// <summary>The image files of a folder.</summary>
/// <param name="Files">How many.</param>
/// <param name="Bytes">Their lengths together.</param>
/// <param name="Sha256">Of the path below the folder and the length of each, in order.</param>
internal sealed record FolderSummary(int Files, long Bytes, string Sha256)
{
    /// <summary>Of files that have all been seen.</summary>
    /// <param name="names">Their paths below the folder, in order.</param>
    /// <param name="stamps">Their lengths.</param>
    public static FolderSummary Of(IReadOnlyList<string> names, FileStamps stamps)
    {
        using var hash = new FieldHash();
        long bytes = 0;
        for (var index = 0; index < names.Count; index++)
        {
            var length = stamps[index]!.Value.Length;
            hash.Text(names[index]);
            hash.Number(length);
            bytes += length;
        }

        return new(names.Count, bytes, hash.Finish());
    }

    /// <summary>What is different now, in one text, or none.</summary>
    public IReadOnlyList<string> DifferencesTo(FolderSummary now)
    {
        if (this == now)
        {
            return [];
        }

        var (files, bytes) = (Math.Abs((long)now.Files - Files), Math.Abs(now.Bytes - Bytes));
        var size = bytes == 0 ? "as many bytes" : string.Create(
            CultureInfo.InvariantCulture, $"{bytes:N0} bytes {(now.Bytes > Bytes ? "more" : "fewer")}");
        if (files > 0)
        {
            var noun = files == 1 ? "file" : "files";
            return [string.Create(CultureInfo.InvariantCulture, $"{files:N0} {noun} {(now.Files > Files ? "more" : "fewer")}, {size}")];
        }

        return [bytes > 0 ? $"as many files, {size}: a file has another length" : "as many files and bytes, but names or lengths have changed"];
    }
}

using System.Text;
using System.Text.RegularExpressions;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>Opens the image source that fits what a path points at.</summary>
internal static class ImageSources
{
    /// <summary>
    /// Opens a folder of images, Parquet files (a file, a folder of them, a pattern) or an IDX pair (the images file,
    /// or a folder with one). The content decides, not the name, wherever the content tells.
    /// </summary>
    /// <exception cref="DataException">There is nothing at the path, nothing that holds images, or nothing that is wanted of it.</exception>
    public static IImageSource Open(ImageSourceOptions options)
    {
        var source = OpenAll(options);
        try
        {
            var first = options.Limit is { } limit && limit < source.Count ? new LimitedSource(source, limit) : source;
            return ImageSelection.Of(first, options);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>The files that hold the images of a path; labels in files of their own are left out.</summary>
    /// <exception cref="DataException">There is nothing at the path.</exception>
    public static IReadOnlyList<string> Files(string path)
    {
        if (Directory.Exists(path))
        {
            return
            [
                .. FileTree.Files(path)
                    .Where(file => EncodedImage.HasExtension(file) || IsParquet(file) || IdxSource.IsImagesFile(file))
                    .Select(file => Path.Combine(path, file)),
            ];
        }

        return File.Exists(path) ? [path] : Matches(path);
    }

    /// <summary>Whether a file is a Parquet file, by its content or, where that says nothing, by its name.</summary>
    /// <exception cref="DataException">It cannot be read.</exception>
    public static bool IsParquetFile(string path) => Start(path).AsSpan().StartsWith("PAR1"u8) || IsParquet(path);

    private static IImageSource OpenAll(ImageSourceOptions options)
    {
        var path = options.Path;
        if (string.IsNullOrWhiteSpace(path))
        {
            throw new DataException(
                "data.path: is empty, must name a folder of images, Parquet files or an IDX file; set it");
        }

        if (Directory.Exists(path))
        {
            return OpenFolder(path, options);
        }

        if (File.Exists(path))
        {
            return OpenFile(path, options);
        }

        return path.AsSpan().IndexOfAny('*', '?') >= 0
            ? new ParquetSource(Matches(path), options)
            : throw new DataException($"{path}: there is no such file or folder; check the path");
    }

    private static IImageSource OpenFolder(string path, ImageSourceOptions options)
    {
        var files = FileTree.Files(path);
        string[] parquet = [.. files.Where(IsParquet)];
        string[] idx = [.. files.Where(IdxSource.IsImagesFile)];
        var images = files.Count(EncodedImage.HasExtension);
        if (parquet.Length > 0 && images > 0)
        {
            throw new DataException(
                $"{path}: holds both {images:N0} image files and {parquet.Length:N0} Parquet files; name one "
                + $"of the two, such as {Path.Combine(path, "**", "*.parquet")}");
        }

        if (parquet.Length > 0)
        {
            return new ParquetSource(Array.ConvertAll(parquet, file => Path.Combine(path, file)), options);
        }

        return (images, idx) switch
        {
            (0, [var file]) => new IdxSource(Path.Combine(path, file), options.MaxPixels),
            (0, { Length: > 1 }) => throw new DataException(
                $"{path}: holds several IDX images files ({string.Join(", ", idx.Take(10))}); name one of them"),
            _ => new FolderSource(path, files),
        };
    }

    private static IImageSource OpenFile(string path, ImageSourceOptions options)
    {
        var start = Start(path);
        if (start.AsSpan().StartsWith("PAR1"u8) || IsParquet(path))
        {
            return new ParquetSource([path], options);
        }

        if (IdxFile.HasSignature(start) || IdxFile.IsGzip(start) || IdxSource.IsImagesFile(path))
        {
            return new IdxSource(path, options.MaxPixels);
        }

        throw new DataException(EncodedImage.Format(start) is { } format
            ? $"{path}: a single {format}, must be a folder of images; name the folder"
            : $"{path}: must be a folder of images, a Parquet file or an IDX file, is none of them; check the path");
    }

    private static bool IsParquet(string path) => path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase);

    /// <summary>The first bytes of a file, fewer than 16 where it is shorter.</summary>
    private static byte[] Start(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var start = new byte[16];
            return start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: this file cannot be read ({e.Message}); check its permissions", e);
        }
    }

    /// <summary>The files that match a pattern of <c>*</c>, <c>?</c> and <c>**</c>, in ordinal order.</summary>
    private static string[] Matches(string pattern)
    {
        var parts = pattern.Replace(Path.DirectorySeparatorChar, '/').Split('/');
        var plain = parts.TakeWhile(part => part.AsSpan().IndexOfAny('*', '?') < 0).Count();
        var root = string.Join('/', parts[..plain]);
        root = (root, plain) switch
        {
            ("", 0) => ".",
            ("", _) => "/",
            _ => root,
        };
        if (!Directory.Exists(root))
        {
            throw new DataException($"{pattern}: there is no folder {root}; check the path");
        }

        var rest = parts[plain..];
        var regex = PatternOf(rest);
        string[] files =
        [
            .. FileTree.Files(root, rest.Contains("**") ? int.MaxValue : rest.Length).Where(file => regex.IsMatch(file))
                .Select(file => plain == 0 ? file : Path.Combine(root, file)),
        ];
        return files is []
            ? throw new DataException($"{pattern}: matches no file; check the pattern")
            : files;
    }

    private static Regex PatternOf(string[] parts)
    {
        var regex = new StringBuilder("^");
        for (var i = 0; i < parts.Length; i++)
        {
            var last = i == parts.Length - 1;
            regex.Append(parts[i] == "**"
                ? last ? ".*" : "(?:.*/)?"
                : Regex.Escape(parts[i]).Replace(@"\*", "[^/]*", StringComparison.Ordinal)
                    .Replace(@"\?", "[^/]", StringComparison.Ordinal) + (last ? "" : "/"));
        }

        return new Regex(regex.Append('$').ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }
}
